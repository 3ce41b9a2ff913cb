# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Several specs in one call: what they share is built once, what does not need each other side by side."""
import json

from fixture import program

NAMES = ("red", "green", "blue")


def events_of(test, *arguments):
    done = test.vmforge("build", "--json", *arguments)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def stages(events, *states):
    """(file name of the spec, stage, state) in the order told."""
    return [(event["spec"].rpartition("/")[2], event["stage"], event["state"]) for event in events
            if event["event"] == "stage" and event["state"] in states]


def most_at_once(events):
    """How many stages were in building at one time."""
    most, now = 0, 0
    for _, _, state in stages(events, "building", "built", "failed"):
        now += 1 if state == "building" else -1
        most = max(most, now)
    return most


def specs_of(test, prefix, **keys):
    return [test.spec(f"{prefix}-{name}", appliance={"hostname": name, "run": ["sleep 0.7"]}, **keys) for name in NAMES]


def share(test):
    """Nothing, or what is wrong: Image is new and of all, the appliances are their own."""
    specs = specs_of(test, "share", image={"packages": ["toy-hello"], "run": ["echo shared >/srv/shared"]})
    done, events = events_of(test, "--jobs", "3", *specs)
    built = sorted(stages(events, "built"))
    wanted = sorted([("share-red.yaml", "image", "built")] + [(f"share-{name}.yaml", "appliance", "built") for name in NAMES])
    reused = [one for one in stages(events, "reused") if one[1] == "image"]
    published = {event["image"] for event in events if event["event"] == "image"}
    ended = [event["state"] for event in events if event["event"] == "spec"]
    if done.returncode or built != wanted or len(reused) != 2 or len(published) != 3 or ended != ["built"] * 3:
        return f"built {built}; reused {reused}; images {published}; ended {ended}\n{program.said(done)}"
    return None if most_at_once(events) == 3 else f"{most_at_once(events)} at once"


def one_job(test):
    done, events = events_of(test, "--jobs", "1", *specs_of(test, "alone", image={"run": ["echo alone >/srv/alone"]}))
    return None if not done.returncode and most_at_once(events) == 1 else f"{most_at_once(events)}\n{program.said(done)}"


def fail_beside(test):
    """One appliance fails at once while another takes its time, which is not for nothing."""
    slow = test.spec("beside-slow", appliance={"hostname": "slow", "run": ["sleep 2; echo slow >/srv/slow"]})
    bad = test.spec("beside-bad", appliance={"run": ["exit 7"]})
    late = test.spec("beside-late", appliance={"run": ["sleep 0.1"]})
    done, events = events_of(test, "--jobs", "2", slow, bad, late)
    ends = [one[2] for one in stages(events, "built", "failed") if one[1] == "appliance"]
    results = [one["result"] for event in events if event["event"] == "summary" for one in event["specs"]]
    named = f"vmforge: {bad}: stage 'appliance': "
    if done.returncode != 1 or ends != ["failed", "built"] or results != ["built", "failed", "not begun"]:
        return f"{ends} {results}\n{program.said(done)}"
    if named not in done.stderr:
        return f"the error does not name the spec\n{program.said(done)}"
    done, events = events_of(test, slow)
    return None if stages(events, "built") == [] and done.returncode == 0 else program.said(done)


def fail_shared(test):
    specs = specs_of(test, "broken", image={"run": ["exit 3"]})
    done, events = events_of(test, *specs)
    failed = stages(events, "failed")
    ended = [event["state"] for event in events if event["event"] == "spec"]
    if done.returncode == 1 and len(failed) == 3 and ended == ["failed"] * 3 and not stages(events, "built"):
        return None
    return f"{failed} {ended}\n{program.said(done)}"


def show_shared(test):
    test.attempt("what several specs share is built once, and what they do not share at the same time", lambda: share(test))
    test.attempt("with --jobs 1 one stage is built at a time", lambda: one_job(test))
    test.attempt("after a failure no stage begins, what runs is ended and published, and the error names the spec",
                 lambda: fail_beside(test))
    test.attempt("a shared stage that fails fails every spec that needs it", lambda: fail_shared(test))
