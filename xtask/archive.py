"""Packs a folder beside itself, as .tar.gz or .zip, with its checksum; the same files give the same bytes."""

import gzip
import hashlib
import sys
import tarfile
import zipfile
from pathlib import Path

# Midnight of 1 January 1980, the first date that .zip has.
LONG_AGO = 315_532_800


def main(folder: Path) -> None:
    """Writes the archive and prints its name and size."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    programs = {"caveat", "caveat.exe"}
    if "windows" in folder.name:
        archive = folder.with_name(folder.name + ".zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in files:
                entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
                packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    else:
        archive = folder.with_name(folder.name + ".tar.gz")
        with (
            archive.open("wb") as file,
            gzip.GzipFile("", "wb", 9, file, LONG_AGO) as stream,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as packed,
        ):
            for path in files:
                entry = tarfile.TarInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
                entry.size, entry.mtime = path.stat().st_size, LONG_AGO
                entry.mode = 0o755 if path.name in programs else 0o644
                with path.open("rb") as content:
                    packed.addfile(entry, content)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(archive.name + ".sha256").write_text(f"{digest}  {archive.name}\n")
    print(f"{archive} ({archive.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
