"""The part that is Python in the original: its classes, their signatures, and how a status becomes an exception."""

from collections import deque
from datetime import timedelta

import hailo_platform.pyhailort._pyhailort as _pyhailort
from hailo_platform.pyhailort._pyhailort import FormatType

__all__ = ["FormatType"]


class HailoSchedulingAlgorithm:
    NONE = _pyhailort.SchedulingAlgorithm.NONE
    ROUND_ROBIN = _pyhailort.SchedulingAlgorithm.ROUND_ROBIN


class HailoRTException(Exception):
    pass


class HailoRTTimeout(HailoRTException):
    pass


class HailoRTInvalidOperationException(HailoRTException):
    pass


class HailoRTInvalidArgumentException(HailoRTException):
    pass


class HailoRTNotFoundException(HailoRTException):
    pass


class HailoRTInvalidHEFException(HailoRTException):
    pass


class HailoRTHEFNotCompatibleWithDevice(HailoRTException):
    pass


class HailoRTDriverOperationFailedException(HailoRTException):
    pass


NAMED = {
    "HAILO_TIMEOUT": (HailoRTTimeout, "Received a timeout - hailort has failed because a timeout had occurred"),
    "HAILO_INVALID_OPERATION": (HailoRTInvalidOperationException, "Invalid operation. See hailort.log"),
    "HAILO_INVALID_ARGUMENT": (HailoRTInvalidArgumentException, "Invalid argument. See hailort.log"),
    "HAILO_NOT_FOUND": (HailoRTNotFoundException, "Item not found. See hailort.log"),
    "HAILO_INVALID_HEF": (HailoRTInvalidHEFException, "Invalid HEF. See hailort.log for more information"),
    "HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE": (HailoRTHEFNotCompatibleWithDevice, "HEF file is not compatible"),
    "HAILO_DRIVER_OPERATION_FAILED": (HailoRTDriverOperationFailedException, "Failure in hailort driver ioctl."),
}


class ExceptionWrapper:
    def __enter__(self):
        pass

    def __exit__(self, exception_type, value, traceback):
        if exception_type is _pyhailort.HailoRTStatusException:
            raise self.create_exception_from_status(int(value.args[0])) from value

    @staticmethod
    def create_exception_from_status(error_code):
        name = _pyhailort.get_status_message(error_code)
        if name in NAMED:
            kind, message = NAMED[name]
            return kind(message)
        return HailoRTException(f"libhailort failed with error: {error_code} ({name})")


class Control:
    def __init__(self, device):
        self._device = device

    def get_chip_temperature(self):
        with ExceptionWrapper():
            return self._device.get_chip_temperature()


class Device:
    @classmethod
    def scan(cls):
        return _pyhailort.CppDevice.scan()  # not wrapped in the original either

    def __init__(self, device_id=None):
        self._device = None
        if device_id is None:
            found = Device.scan()
            if not found:
                raise HailoRTException("HailoRT device not found in the system")
            device_id = found[0]
        self._device = _pyhailort.CppDevice.create(device_id)
        self._control_object = Control(self._device)

    def release(self):
        if self._device is not None:
            with ExceptionWrapper():
                self._device.release()
            self._device = None

    @property
    def control(self):
        return self._control_object


class AsyncInferCompletionInfo:
    def __init__(self, exception):
        self._exception = exception

    @property
    def exception(self):
        return self._exception


class InferModel:
    class InferStream:
        def __init__(self, infer_stream):
            self._infer_stream = infer_stream

        @property
        def name(self):
            return self._infer_stream.name

        @property
        def shape(self):
            return list(self._infer_stream.shape)

        def set_format_type(self, type):
            self._infer_stream.type = type

    def __init__(self, infer_model, hef_path):
        self._infer_model = infer_model
        self._hef_path = hef_path

    def set_batch_size(self, batch_size):
        self._infer_model.batch = batch_size

    def configure(self):
        with ExceptionWrapper():
            return ConfiguredInferModel(self._infer_model.configure(), self)

    @property
    def inputs(self):
        return [self.InferStream(stream) for stream in self._infer_model.inputs]

    @property
    def outputs(self):
        return [self.InferStream(stream) for stream in self._infer_model.outputs]

    def input(self, name=""):
        return self._one(self.inputs, name)

    def output(self, name=""):
        return self._one(self.outputs, name)

    @staticmethod
    def _one(streams, name):
        found = [stream for stream in streams if name in ("", stream.name)]
        if len(found) != 1:
            raise ExceptionWrapper.create_exception_from_status(61)
        return found[0]


class ConfiguredInferModel:
    class Bindings:
        class InferStream:
            def __init__(self, infer_stream, nms_info=None):
                self._infer_stream = infer_stream
                self._buffer = None

            def set_buffer(self, buffer):
                if not buffer.flags.c_contiguous:
                    raise HailoRTException("Buffer must be C_CONTIGUOUS")
                with ExceptionWrapper():
                    self._infer_stream.set_buffer(buffer)
                self._buffer = buffer

            def get_buffer(self, tf_format=False):
                return self._buffer

        def __init__(self, bindings, input_names, output_names, nms_infos):
            self._bindings = bindings
            self._inputs = {name: self.InferStream(stream) for name, stream in bindings.inputs.items()}
            self._outputs = {name: self.InferStream(stream) for name, stream in bindings.outputs.items()}

        def input(self, name=""):
            return self._inputs[name or next(iter(self._inputs))]

        def output(self, name=""):
            return self._outputs[name or next(iter(self._outputs))]

        def get(self):
            return self._bindings

    def __init__(self, configured_infer_model, infer_model):
        self._configured_infer_model = configured_infer_model
        self._infer_model = infer_model
        self._buffer_guards = deque()

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self._configured_infer_model.shutdown()
        self._configured_infer_model = None

    def create_bindings(self, input_buffers=None, output_buffers=None):
        bindings = self.Bindings(self._configured_infer_model.create_bindings(), None, None, None)
        for name, buffer in (input_buffers or {}).items():
            bindings.input(name).set_buffer(buffer)
        for name, buffer in (output_buffers or {}).items():
            bindings.output(name).set_buffer(buffer)
        return bindings

    def wait_for_async_ready(self, timeout_ms=1000, frames_count=1):
        with ExceptionWrapper():
            self._configured_infer_model.wait_for_async_ready(timedelta(milliseconds=timeout_ms), frames_count)

    def run_async(self, bindings, callback=None):
        self._buffer_guards.append([(one.input().get_buffer(), one.output().get_buffer(None)) for one in bindings])

        def callback_wrapper(error_code):
            exception = ExceptionWrapper.create_exception_from_status(error_code) if error_code else None
            if callback:
                callback(completion_info=AsyncInferCompletionInfo(exception))
            self._buffer_guards.popleft()

        with ExceptionWrapper():
            return AsyncInferJob(
                self._configured_infer_model.run_async([one.get() for one in bindings], callback_wrapper)
            )

    def get_async_queue_size(self):
        return self._configured_infer_model.queue_size


class AsyncInferJob:
    def __init__(self, job):
        self._job = job

    def wait(self, timeout_ms):
        with ExceptionWrapper():
            self._job.wait(timedelta(milliseconds=timeout_ms))


class VDevice:
    def __init__(self, params=None, *, device_ids=None):
        self._vdevice = None
        with ExceptionWrapper():
            self._vdevice = _pyhailort.CppVDevice.create(params or VDevice.create_params(), device_ids or [])

    def __enter__(self):
        return self

    def release(self):
        if self._vdevice is not None:
            self._vdevice.release()
            self._vdevice = None

    def __exit__(self, *args):
        self.release()
        return False

    @staticmethod
    def create_params():
        return _pyhailort.VDeviceParams.default()

    def create_infer_model(self, hef_source, network_name=""):
        with ExceptionWrapper():
            return InferModel(self._vdevice.create_infer_model_from_file(hef_source, network_name), hef_source)
