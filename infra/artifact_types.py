"""Content types of artifacts, from their names: a fixed table, never what a maker says.

Nothing here is drawn by a browser in our origin: types that can carry scripts are not in it.
"""

UNKNOWN_TYPE = "application/octet-stream"

_TYPES = {
    "avif": "image/avif",
    "bin": UNKNOWN_TYPE,
    "bz2": "application/x-bzip2",
    "csv": "text/csv; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "flac": "audio/flac",
    "gif": "image/gif",
    "gz": "application/gzip",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "log": "text/plain; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "tar": "application/x-tar",
    "toml": "application/toml",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
    "zst": "application/zstd",
}


def content_type_of(name: str) -> str:
    """The type that goes with the name's last ending; bytes of no known kind for any other."""
    _, dot, ending = name.rpartition("/")[2].rpartition(".")
    return _TYPES.get(ending.lower(), UNKNOWN_TYPE) if dot else UNKNOWN_TYPE
