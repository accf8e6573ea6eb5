//! Every bound of the service, each with its reason.
//!
//! Two kinds live here. Bounds of the *formats* cannot be configured: stored data relies on them. Bounds of a
//! *request* are the defaults of the router's settings, where an operator may change them.

/// Longest name of an index or alias. It is a folder's name, and folders beside it add a few characters to it.
pub const INDEX_NAME_BYTES_MAX: usize = 64;

/// Most indexes of a workspace or a cluster. Each is a database and two threads for each shard of a process; and a replica
/// tells of three generations of each in one record of the coordination store, of which a mebibyte is taken.
pub const INDEXES_MAX: usize = 1_000;

/// Most aliases of a workspace or a cluster: one for each index that there may be. Every process keeps all of them, they are
/// told in one answer, and what an index that is deleted leaves of them is taken away one by one.
pub const ALIASES_MAX: usize = 1_000;

/// Longest document id. Ids are RocksDB keys and stay in memory, one a document: 512 bytes hold any URL or path that
/// is sensible as a key, and keep a million of the worst below half a gigabyte.
pub const ID_BYTES_MAX: usize = 512;

/// Largest dimension. The largest embedding models in use give 4,096; a vector is then 16 KiB.
pub const DIM_MAX: usize = 4096;

/// Largest magnitude of one component. With 4,096 components a squared distance reaches 1.6e34, far below the
/// 3.4e38 that an f32 holds: no distance can become infinite, and so none can become NaN.
pub const COMPONENT_ABS_MAX: f32 = 1e15;

/// Shortest vector that still has a direction. Below this, dividing by the length overflows or loses all digits.
pub const COSINE_LENGTH_MIN: f32 = 1e-15;

/// Most shards of one index. Each holds a database and threads, and every search visits all of them.
pub const SHARDS_MAX: u32 = 256;

/// Largest metadata of one document, as compact JSON. Metadata is for filtering and showing, not for the document's
/// text: it stays in memory beside the vector.
pub const METADATA_BYTES_MAX: usize = 64 * 1024;

/// Deepest nesting of metadata. Filters and merges recurse once a level; nobody nests this deep by hand.
pub const METADATA_DEPTH_MAX: usize = 32;

/// Deepest nesting of a filter: evaluation recurses once a level for every candidate document.
pub const FILTER_DEPTH_MAX: usize = 32;

/// Most comparisons in one filter, values of `$in` included: each costs time on every candidate document.
pub const FILTER_TERMS_MAX: usize = 1024;

/// Longest path to a field in a filter, in bytes: each dot in it is a place to look, for every document.
pub const FIELD_PATH_BYTES_MAX: usize = 512;

/// Most names that a path may have: metadata is nested no deeper.
pub const FIELD_PATH_NAMES_MAX: usize = METADATA_DEPTH_MAX;

/// Most hits of all queries of one request, `offset` included. A hit with its metadata is some kilobytes on its way,
/// so this bounds a reply to some hundred megabytes.
pub const REPLY_HITS_MAX: usize = 100_000;

/// Most components of all vectors in one reply: 64 MiB of them, some 200 MiB as JSON.
pub const REPLY_COMPONENTS_MAX: usize = 16 * 1024 * 1024;

/// Most hits of one query, `offset` included. Each shard returns as many, so a merge holds this many times the
/// number of shards.
pub const K_MAX: usize = 10_000;

/// Widest search beam. Beyond this an exact search is as fast on the shards that one process serves.
pub const EF_MAX: usize = 20_000;

/// Most documents in one request: bounds the memory of a write group and the time a writer is held.
pub const BATCH_DOCUMENTS_MAX: usize = 10_000;

/// Most query vectors in one search request: at 4,096 dimensions they are 16 MiB.
pub const QUERIES_MAX: usize = 1_000;

/// Most documents on one page of a listing.
pub const PAGE_DOCUMENTS_MAX: usize = 1_000;

/// Largest request body: 7,000 documents of 784 dimensions as base64 fit into it.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Most memory that a body becomes while it is read, as a multiple of the largest body. Numbers become four times as
/// large as the shortest MessagePack of them; what is past twice of that is small values in lists and objects, a
/// hundred bytes and more for each byte of some of them.
pub const BODY_MEMORY_FACTOR_MAX: usize = 8;

/// What a body may become at least, however small the largest body is: a batch of small documents with an object or two
/// each is an ordinary one, and its objects are counted by what they may take at worst.
pub const BODY_MEMORY_BYTES_MIN: usize = 64 * 1024 * 1024;

/// Most requests in the process at once. Each may hold a body; past it, refusing with Retry-After is kinder than
/// swapping.
pub const CONCURRENT_REQUESTS_MAX: usize = 512;

/// Longest time that a request may ask for. Nobody waits longer, and its resources are held for all of it.
pub const TIMEOUT_MS_MAX: u64 = 600_000;

/// Time for a request that names none.
pub const TIMEOUT_MS_DEFAULT: u64 = 10_000;

/// Hits of a search that names no `limit`.
pub const LIMIT_DEFAULT: usize = 10;
/// Width of the search beam where a request names none; recall@10 is above 0.95 with it on the sets we measure.
pub const EF_DEFAULT: usize = 64;

/// Most links of a graph node (M). Above it memory and build time grow while recall does not.
pub const HNSW_M_MAX: usize = 128;
/// Fewest links of a graph node: with fewer the graph falls apart.
pub const HNSW_M_MIN: usize = 4;
/// Links of a graph node unless the schema says otherwise; 12 to 24 serve most embeddings (Malkov and Yashunin,
/// arXiv 1603.09320, section 4.1).
pub const HNSW_M_DEFAULT: usize = 16;
/// Beam while building, unless the schema says otherwise: where recall stops growing on the sets we measure.
pub const HNSW_EF_CONSTRUCTION_DEFAULT: usize = 200;
/// Widest beam while building: time to build grows with it.
pub const HNSW_EF_CONSTRUCTION_MAX: usize = 2_000;
