"""What schemathesis cannot know: MessagePack, and which index is there."""

import msgpack
import schemathesis

# These make or remove what they name: the index with the documents stays.
NAMES_ITS_OWN = {"createIndex", "deleteIndex", "restoreDump"}

# A busy machine does in it what it is asked for.
TIME_MS = 15_000


@schemathesis.serializer("application/msgpack")
def pack(ctx, value):
    return msgpack.packb(fit(value))


def fit(value):
    """The same, as far as MessagePack has it: integers of 64 bits."""
    if isinstance(value, dict):
        return {key: fit(one) for key, one in value.items()}
    if isinstance(value, list):
        return [fit(one) for one in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return 1e300
    return value


@schemathesis.deserializer("application/msgpack")
def unpack(ctx, response):
    return msgpack.unpackb(response.content, strict_map_key=False)


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """What is not done within a millisecond is answered with 504, as was asked for."""
    case.body, case.query = in_time(case.body), in_time(case.query)


def in_time(asked):
    timeout = asked.get("timeout_ms") if isinstance(asked, dict) else None
    # In a query it may be a text.
    if type(timeout) in (int, str) and (digits := str(timeout)).isascii() and digits.isdecimal() and int(digits) > 0:
        return {**asked, "timeout_ms": type(timeout)(max(int(digits), TIME_MS))}
    return asked


@schemathesis.hook
def map_path_parameters(ctx, path_parameters):
    """Most requests are about the index that is there; of a name that is not, there is little to say."""
    if path_parameters and "name" in path_parameters and ctx.operation.definition.raw["operationId"] not in NAMES_ITS_OWN:
        path_parameters["name"] = "faces"
    return path_parameters
