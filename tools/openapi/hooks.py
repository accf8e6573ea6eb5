"""What schemathesis cannot know: MessagePack, and which index is there."""

import msgpack
import schemathesis

# These make or remove what they name: the index with the documents stays.
NAMES_ITS_OWN = {"createIndex", "deleteIndex", "restoreDump"}


@schemathesis.serializer("application/msgpack")
def pack(ctx, value):
    return msgpack.packb(value)


@schemathesis.deserializer("application/msgpack")
def unpack(ctx, response):
    return msgpack.unpackb(response.content, strict_map_key=False)


@schemathesis.hook
def map_path_parameters(ctx, path_parameters):
    """Most requests are about the index that is there; of a name that is not, there is little to say."""
    if path_parameters and "name" in path_parameters and ctx.operation.definition.raw["operationId"] not in NAMES_ITS_OWN:
        path_parameters["name"] = "faces"
    return path_parameters
