//! Every file of the console.

/// A file, by its path below `pages/`.
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) bytes: &'static [u8],
}

macro_rules! shelf {
    ($($path:literal,)*) => {
        &[$(File { path: $path, bytes: include_bytes!(concat!("../pages/", $path)) },)*]
    };
}

/// In the order of their paths; a test compares them with the folder.
pub(crate) const SHELF: &[File] = shelf![
    "api.js",
    "cell.js",
    "documents.js",
    "exposition.js",
    "figures.js",
    "frame.css",
    "frame.js",
    "html.js",
    "index.html",
    "main.js",
    "members.js",
    "outcome.js",
    "paper.css",
    "parts.css",
    "parts/dialog.js",
    "parts/id.js",
    "parts/key-dialog.js",
    "parts/plot.js",
    "parts/rings.js",
    "parts/state.js",
    "query.js",
    "recall.js",
    "rings.svg",
    "route.js",
    "theme.js",
    "told.js",
    "vendor/LICENSE-htm",
    "vendor/LICENSE-preact",
    "vendor/hooks.mjs",
    "vendor/htm.mjs",
    "vendor/preact.mjs",
    "views.css",
    "views/charts.js",
    "views/events.js",
    "views/index.js",
    "views/map.js",
    "views/operate.js",
    "views/operate/dumps.js",
    "views/operate/rollouts.js",
    "views/recall.js",
    "views/search.js",
    "world.js",
];

/// The file at `path`.
pub(crate) fn find(path: &str) -> Option<&'static File> {
    SHELF.binary_search_by_key(&path, |file| file.path).ok().map(|place| &SHELF[place])
}
