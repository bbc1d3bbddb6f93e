"""The topic table is the one truth."""

import pytest

from bus.topics import CROPS, FRAME, PIPELINE, RESULTS, TOPICS, published_by, reads, topic_named


def test_every_data_topic_is_published_by_the_pipeline() -> None:
    """A topic without a publisher, or with an unknown one, would never carry anything."""
    assert {topic.publisher for topic in TOPICS.values()} - {"*"} == set(PIPELINE)


def test_frames_walk_one_way_but_for_the_cache() -> None:
    """The only edge that turns back is MATCHES into the selector: another one would be a loop."""
    back = [
        (topic.name, reader)
        for topic in TOPICS.values()
        for reader in topic.readers
        if reader in PIPELINE and topic.publisher in PIPELINE
        if PIPELINE.index(reader) <= PIPELINE.index(topic.publisher)
    ]
    assert back == [("matches", "selector")]


def test_message_types_are_distinct() -> None:
    """Two topics with one type could be confused by a reader."""
    assert len({topic.message for topic in TOPICS.values()}) == len(TOPICS)


def test_an_unknown_topic_is_named_with_the_known_ones() -> None:
    """`sleevesight tail resluts` should help."""
    with pytest.raises(ValueError, match=r"'resluts'.*results"):
        topic_named("resluts")


def test_published_by() -> None:
    """The selector's two topics are what its process binds."""
    assert [topic.name for topic in published_by("selector")] == ["tracks", "crops"]


def test_sinks_read_what_the_table_says() -> None:
    """A sink that is not counted is not waited for, and one that is counted too often is waited for in vain."""
    assert [sink for sink in ("sink.console", "sink.collection", "sink.recorder") if reads(sink, RESULTS)] == [
        "sink.console",
        "sink.collection",
        "sink.recorder",
    ]
    assert [reads(sink, CROPS) for sink in ("sink.console", "sink.collection", "sink.recorder")] == [False, True, True]
    assert [reads(sink, FRAME) for sink in ("sink.console", "sink.collection", "sink.recorder")] == [False, False, True]
