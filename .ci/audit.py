"""Audit of the repository for secrets and of the libraries for published vulnerabilities. `make check` runs it.

`audit.py secrets`: no file contains text that looks like a secret, except those in .secrets.baseline. ruff finds
hard-coded passwords by their names in the server's code (S105 to S107); tests have many made-up ones.
`audit.py libraries`: no locked library has a known vulnerability; reports when no index was reachable.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / ".secrets.baseline"
LOCK = ROOT / "requirements" / "dev.txt"  # contains all the others
# Hashes of libraries, by the thousand.
NO_SECRETS = ("requirements/", "tests/clients/package-lock.json", ".secrets.baseline")

# Joined here, so that this file does not hold what it looks for. AWS's own example of a key, and no key at all.
PLANTED = {
    "AWS Access Key": "AKIA" + "IOSFODNN7EXAMPL2",
    "Private Key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n",
    "JSON Web Token": "eyJhbGciOiJIUzI1NiJ9"
    + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0"
    + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
}


def secrets() -> int:
    """The exit status: 1 when a file has a secret that the baseline does not know, or the scan finds nothing at all."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, text in PLANTED.items():
            planted = Path(folder) / "planted.py"
            planted.write_text(f"value = '''{text}'''\n")
            if kind not in {found["type"] for found in _scan([str(planted)])}:
                print(f"The scan does not find a planted {kind}: it proves nothing.")
                return 1
    listed = _run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    files = [name for name in listed if not name.startswith(NO_SECRETS) and (ROOT / name).is_file()]
    known = {
        (name, entry["hashed_secret"])
        for name, entries in json.loads(BASELINE.read_text())["results"].items()
        for entry in entries
    }
    new = [found for found in _scan(files) if (found["filename"], found["hashed_secret"]) not in known]
    for found in new:
        print(f"{found['filename']}:{found['line_number']}: {found['type']}")
    if new:
        print(
            "A real one: take it out, and make it worthless. A made-up one: `# pragma: allowlist secret` on its line."
        )
    else:
        print(f"{len(files)} files, nothing but what {BASELINE.name} knows.")
    return int(bool(new))


def libraries() -> int:
    """The exit status: 1 when a locked library has a published vulnerability."""
    asked = subprocess.run(
        [Path(sys.executable).with_name("pip-audit"), "--requirement", LOCK, "--disable-pip", "--require-hashes",
         "--format", "json", "--progress-spinner", "off", "--timeout", "10"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        answer = json.loads(asked.stdout)
    except json.JSONDecodeError:
        # Without an answer there are no findings: that is told from a clean one.
        print(f"SKIPPED: the index of vulnerabilities is unreachable. {asked.stderr.strip().splitlines()[-1:]}")
        return 0
    status, said = verdict(answer["dependencies"])
    print(said)
    return status


def verdict(dependencies: Iterable[Any]) -> tuple[int, str]:
    """What pip-audit's list means, as exit status and words. It calls libraries that it could not ask about fine."""
    asked, skipped, found = 0, 0, []
    for library in dependencies:
        if "skip_reason" in library:
            skipped += 1
            continue
        asked += 1
        for hole in library["vulns"]:
            mended = ", ".join(hole["fix_versions"]) or "no version yet"
            found.append(f"{library['name']} {library['version']}: {hole['id']}, mended in {mended}")
    if found:
        return 1, "\n".join(found)
    if not asked:
        return 0, f"SKIPPED: the index of vulnerabilities is unreachable; it knew none of {skipped} libraries."
    unknown = f", {skipped} that the index does not know" if skipped else ""
    return 0, f"{asked} libraries without a published vulnerability{unknown}."


def _scan(names: list[str]) -> list[dict[str, Any]]:
    """What detect-secrets finds in the files, by the detectors of the baseline."""
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import transient_settings

    baseline = json.loads(BASELINE.read_text())
    wanted = {"plugins_used": baseline["plugins_used"], "filters_used": baseline["filters_used"]}
    found = SecretsCollection(root=str(ROOT))
    with transient_settings(wanted):
        for name in names:
            found.scan_file(name)
    said = [secret.json() for _, secret in found]
    return [{**each, "filename": each["filename"].removeprefix(f"{ROOT}/")} for each in said]


def _run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit({"secrets": secrets, "libraries": libraries}[sys.argv[1]]())
