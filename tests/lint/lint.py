"""What the lints share: the text of the project, and how a finding is printed.

Each lint is a program: `LINT [--root DIR]` prints findings as FILE:LINE: TEXT and ends with 1 when there are any, 77 when
it cannot run here. selftest plants violations in a copy of a small tree and expects each of them to be found.
"""

import argparse
import pathlib
import subprocess
import sys

SKIP = 77
SOURCE_DIRECTORIES = ("src", "oci", "storage", "subcommands")


def root():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    return arguments.parse_known_args()[0].root


def sources(top, *suffixes):
    """C++ files of the project proper, as paths relative to the root."""
    found = []
    for directory in SOURCE_DIRECTORIES:
        found += [p.relative_to(top) for p in (top / directory).rglob("*") if p.suffix in suffixes]
    return sorted(found)


def text_files(top):
    """(path relative to the root, text) of everything git knows or would add; of all files where there is no git."""
    listed = subprocess.run(["git", "-c", f"safe.directory={top}", "-C", str(top), "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if listed.returncode == 0:
        paths = [pathlib.Path(p) for p in listed.stdout.decode().split("\0") if p]
    else:
        paths = [p.relative_to(top) for p in top.rglob("*") if p.is_file()
                 and not any(part.startswith(("build", ".git")) for part in p.relative_to(top).parts[:1])]
    for path in sorted(paths):
        try:
            yield path, (top / path).read_text()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


def finish(findings, advice):
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} finding{'s' if len(findings) != 1 else ''}: {advice}")
    sys.exit(1 if findings else 0)
