"""The stand-in for HailoRT has the signatures of the original: a call that passes here is one that exists there.

Source: hailo-ai/hailort, hailort/libhailort/bindings/python/platform/hailo_platform/pyhailort/pyhailort.py of 4.18.0
(the methods are the same in the versions read after it, but for the second parameter of create_infer_model, which is
called name there and which we do not pass), and hailo_platform/__init__.py of 4.18.0 and 4.23.0 for the exports.
"""

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from actors.backends import hailo

DOCUMENTED = {
    "Device.scan": "()",
    "Device.__init__": "(self, device_id=None)",
    "Device.release": "(self)",
    "Control.get_chip_temperature": "(self)",
    "AsyncInferCompletionInfo.__init__": "(self, exception)",
    "InferModel.set_batch_size": "(self, batch_size)",
    "InferModel.configure": "(self)",
    "InferModel.input": "(self, name='')",
    "InferModel.output": "(self, name='')",
    "InferModel.InferStream.set_format_type": "(self, type)",
    "ConfiguredInferModel.__exit__": "(self, exc_type, exc_value, traceback)",
    "ConfiguredInferModel.create_bindings": "(self, input_buffers=None, output_buffers=None)",
    "ConfiguredInferModel.wait_for_async_ready": "(self, timeout_ms=1000, frames_count=1)",
    "ConfiguredInferModel.run_async": "(self, bindings, callback=None)",
    "ConfiguredInferModel.get_async_queue_size": "(self)",
    "ConfiguredInferModel.Bindings.input": "(self, name='')",
    "ConfiguredInferModel.Bindings.output": "(self, name='')",
    "ConfiguredInferModel.Bindings.get": "(self)",
    "ConfiguredInferModel.Bindings.InferStream.set_buffer": "(self, buffer)",
    "ConfiguredInferModel.Bindings.InferStream.get_buffer": "(self, tf_format=False)",
    "AsyncInferJob.wait": "(self, timeout_ms)",
    "VDevice.__init__": "(self, params=None, *, device_ids=None)",
    "VDevice.__exit__": "(self, *args)",
    "VDevice.release": "(self)",
    "VDevice.create_params": "()",
    "VDevice.create_infer_model": "(self, hef_source, network_name='')",
    "ExceptionWrapper.create_exception_from_status": "(error_code)",
}
PROPERTIES = (
    "Device.control",
    "AsyncInferCompletionInfo.exception",
    "InferModel.inputs",
    "InferModel.outputs",
    "InferModel.InferStream.name",
    "InferModel.InferStream.shape",
)
EXPORTED = {"AsyncInferJob", "Device", "FormatType", "HailoRTException", "HailoSchedulingAlgorithm", "VDevice"}
"""What both versions export, of what is here. HailoRTTimeout and the other exceptions are not among it."""
ERRORS = {
    4: "HailoRTTimeout",
    2: "HailoRTInvalidArgumentException",
    6: "HailoRTInvalidOperationException",
    26: "HailoRTInvalidHEFException",
    36: "HailoRTDriverOperationFailedException",
    61: "HailoRTNotFoundException",
    74: "HailoRTException",
    87: "HailoRTException",
    93: "HailoRTHEFNotCompatibleWithDevice",
}


@pytest.fixture
def library(fake: Any) -> Any:
    return importlib.import_module("hailo_platform.pyhailort.pyhailort")


def find(library: Any, name: str) -> Any:
    found: Any = library
    for part in name.split("."):
        found = inspect.getattr_static(found, part) if isinstance(found, type) else getattr(found, part)
    return found


@pytest.mark.parametrize("name", DOCUMENTED)
def test_signatures_are_those_of_the_original(library: Any, name: str) -> None:
    """Prevents that the code calls what only the stand-in has, and fails on the first real device."""
    *place, last = name.split(".")
    owner = find(library, ".".join(place))
    assert str(inspect.signature(getattr(owner, last))) == DOCUMENTED[name]


def test_the_table_is_complete(library: Any) -> None:
    """Prevents that the stand-in grows a method which nobody has compared with the original."""
    kinds = ["Device", "InferModel", "InferModel.InferStream", "ConfiguredInferModel", "AsyncInferJob", "VDevice"]
    kinds += ["ConfiguredInferModel.Bindings", "ConfiguredInferModel.Bindings.InferStream", "AsyncInferCompletionInfo"]
    for kind in kinds:
        for name, value in vars(find(library, kind)).items():
            if not name.startswith("_") and not isinstance(value, type):
                assert f"{kind}.{name}" in (*DOCUMENTED, *PROPERTIES), name


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties_are_properties(library: Any, name: str) -> None:
    """Prevents that `completion_info.exception` is called, or `model.inputs`."""
    assert isinstance(find(library, name), property)


@pytest.mark.parametrize("status", ERRORS)
def test_a_status_becomes_the_exception_of_the_original(library: Any, status: int) -> None:
    """Prevents that an error is recognised here by a class that it does not have there."""
    assert type(library.ExceptionWrapper.create_exception_from_status(status)).__name__ == ERRORS[status]


def test_74_names_itself(library: Any) -> None:
    """Prevents a stand-in whose message says more than HailoRT's: the status is all that there is to go by."""
    error = library.ExceptionWrapper.create_exception_from_status(74)
    assert str(error) == "libhailort failed with error: 74 (HAILO_OUT_OF_PHYSICAL_DEVICES)"


def test_the_package_exports_what_the_original_does(fake: Any) -> None:
    """Prevents `hailo_platform.HailoRTTimeout`, which exists one package further down alone."""
    package = importlib.import_module("hailo_platform")
    assert set(package.__all__) == EXPORTED
    assert not hasattr(package, "HailoRTTimeout")


def test_our_code_uses_no_other_name_of_the_package() -> None:
    """Prevents that the backend reaches for what the comparison does not cover."""
    tree = ast.parse(Path(hailo.__file__).read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (
            (isinstance(node.value, ast.Name) and node.value.id == "hailo") or ast.unparse(node.value) == "self._hailo"
        )
    }
    assert used == {"VDevice", "HailoSchedulingAlgorithm", "FormatType", "Device"}
