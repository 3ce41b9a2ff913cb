#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""TAP: what the tests in Python write, and the count over all suites (`tap.py count LOG…`).

A LOG is meson's NAME.json (a JSON object for each test program), or a bare TAP file. The count ends with
`N passed, N failed, N skipped` alone on its line. With CI=true a skip is a failure, unless its reason
begins with 'kernel lacks'."""
import json
import os
import re
import sys
import threading

LINE = re.compile(r"^(?P<indent> *)(?P<bad>not )?ok\b *\d* *(?:- )?(?P<text>.*)$")
DIRECTIVE = re.compile(r"\s*(?<!\\)#\s*(?P<what>SKIP|TODO)\S*\s*(?P<reason>.*)$", re.IGNORECASE)
WHOLE_SKIP = re.compile(r"^1\.\.0\s*#\s*SKIP\S*\s*(.*)$", re.IGNORECASE)


class Tap:
    """Writes results as they come, from any thread; done() gives the exit status."""

    def __init__(self):
        self.count = self.failed = 0
        self.lock = threading.Lock()

    def ok(self, good, sentence, details=""):
        with self.lock:
            self.count += 1
            self.failed += not good
            lines = [f"{'ok' if good else 'not ok'} {self.count} - {sentence}"]
            if details and not good:
                lines += [f"# {line}" for line in str(details).splitlines()]
            print("\n".join(lines), flush=True)
        return good

    def skip(self, sentence, reason):
        with self.lock:
            self.count += 1
            print(f"ok {self.count} - {sentence} # SKIP {reason}", flush=True)

    def diagnose(self, text):
        with self.lock:
            print("\n".join(f"# {line}" for line in text.splitlines()), flush=True)

    def done(self):
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed or not self.count else 0


def skip_all(reason):
    """For a program none of whose tests can run here."""
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def first_detail(line):
    """What a failure says of itself first, if this is that line; not all of it, so that a summary stays one."""
    return line.strip()[1:].strip()[:200] if line.strip().startswith("#") else ""


def read_tap(text):
    """Yields (verdict, sentence, reason); verdict: 'passed', 'failed', 'skipped'. A group's own line, which follows
    its members, is left out."""
    depth = 0
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""]):
        whole = WHOLE_SKIP.match(line)
        if whole:
            yield "skipped", "all", whole[1]
            continue
        found = LINE.match(line)
        if not found:
            continue
        indent, previous = len(found["indent"]), depth
        depth = indent
        if indent < previous:
            continue
        directive = DIRECTIVE.search(found["text"])
        sentence = found["text"][:directive.start()] if directive else found["text"]
        if directive:
            yield "skipped", sentence, directive["reason"] or directive["what"]
        else:
            yield ("failed", sentence, first_detail(following)) if found["bad"] else ("passed", sentence, "")


def read_program(record):
    """Yields as read_tap does, for one test program in meson's log."""
    result, output = record["result"], record.get("stdout") or ""
    failed = count = 0
    for verdict, sentence, reason in read_tap(output):
        count += 1
        failed += verdict == "failed"
        yield verdict, sentence, reason
    if result not in ("OK", "SKIP", "EXPECTEDFAIL"):
        if not failed:
            yield "failed", f"(the program) {result}, exit status {record.get('returncode')}", ""
    elif not count:
        last = ((record.get("stderr") or output).strip().splitlines() or ["no reason given"])[-1]
        yield ("skipped", "all", last) if result == "SKIP" else ("passed", "exit status 0", "")


def read_log(path):
    """Yields (program, verdict, sentence, reason)."""
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            text = log.read()
    except OSError as error:
        yield "", "failed", f"the suite did not run: {error.strerror}", ""
        return
    if not path.endswith(".json"):
        rows = [("", *row) for row in read_tap(text)]
    else:
        records = [json.loads(line) for line in text.splitlines()]
        rows = [(record["name"], *row) for record in records for row in read_program(record)]
    yield from rows or [("", "failed", "the suite ran no test", "")]


def count_logs(paths):
    strict = os.environ.get("CI") == "true"
    sums = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        log = os.path.splitext(os.path.basename(path))[0]
        for program, verdict, sentence, reason in read_log(path):
            name = ": ".join(part for part in (log, program, sentence) if part)
            if verdict == "skipped":
                if strict and not reason.startswith("kernel lacks"):
                    verdict, reason = "failed", f"skipped in CI: {reason}"
                else:
                    print(f"skipped  {name}: {reason}")
            if verdict == "failed":
                print(f"FAILED   {name}" + (f": {reason}" if reason else ""))
            sums[verdict] += 1
    print(f"{sums['passed']} passed, {sums['failed']} failed, {sums['skipped']} skipped")
    return 1 if sums["failed"] or not sums["passed"] else 0


if __name__ == "__main__":
    if sys.argv[1:2] != ["count"] or len(sys.argv) < 3:
        sys.exit("usage: tap.py count LOG…")
    sys.exit(count_logs(sys.argv[2:]))
