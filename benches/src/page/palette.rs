//! A colour for each peer, the same in every drawing; ours stands out.

/// Ours, and what it could reach at most.
pub(super) const OURS: &str = "#d6336c";
pub(super) const AT_MOST: &str = "#868e96";

/// By the name's family: variants of one library share a hue and differ in lightness.
pub(super) fn colour(name: &str) -> &'static str {
    match name {
        "annuli" | "annuli-json" => OURS,
        "annuli-full" | "annuli-base64" => "#f783ac",
        "hnswlib" => "#495057",
        "faiss-flat" => "#1971c2",
        "faiss-sq8" => "#74c0fc",
        "usearch-f32" => "#2f9e44",
        "usearch-bf16" => "#8ce99a",
        "glass-0" => "#ffd8a8",
        "glass-1" => "#ffa94d",
        "glass-2" => "#e8590c",
        "qdrant-edge" => "#7048e8",
        "hnsw-rs" => "#a0522d",
        "chroma" => "#e8590c",
        "milvus" => "#1971c2",
        "milvus-lite" => "#74c0fc",
        "pgvector" => "#2f9e44",
        "annlite" => "#495057",
        _ => AT_MOST,
    }
}
