"""The dashboard: a page that shows what the camera sees and what has been named, and takes corrections.

The actor lives in the thread of the bus, the server and all state in a thread of their own; `handover` joins them.
"""
