"""The way from JavaScript in an output to Python: functions by their names."""

FUNCTIONS = {}


def register_callback(name, function):
    FUNCTIONS[name] = function
