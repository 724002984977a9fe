"""Drives rdmfuzz_target through the engine interface of ClusterFuzz. `Tools/libfuzzer/clusterfuzz` calls it.

    drive.py TARGET WORK CORPUS

WORK is a folder for whatever comes up; CORPUS is a folder of traces of rdmfuzz, gzip ones among them.
"""

import os
import pathlib
import re
import shutil
import sys

from clusterfuzz import environment, fuzz, stacktraces

FUZZ_SECONDS = 40
TIMEOUT_SECONDS = 60


def step(name, good, what):
    """Says in one line how a step went, and ends with 1 if it did not go well."""
    print(f"clusterfuzz: {name}: {'ok' if good else 'FAILED'}: {what}", flush=True)
    if not good:
        sys.exit(1)


def folder(work, name):
    path = work / name
    path.mkdir()
    return str(path)


def crash_state(output):
    return stacktraces.StackParser().parse(output).crash_state


def main():
    target, work, corpus = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    engine = fuzz.get_engine("libFuzzer")
    os.environ["FUZZ_INPUTS_DISK"] = folder(work, "inputs")

    inputs, crashes = folder(work, "corpus"), folder(work, "crashes")
    options = engine.prepare(inputs, target, os.path.dirname(target))
    seeds = len(os.listdir(inputs))
    step("prepare", seeds > 50 and any("dict" in word for word in options.arguments),
         f"{seeds} seeds, {' '.join(options.arguments)}")

    # Without merging back: that is a step of its own below.
    options.merge_back_new_testcases = False
    options.analyze_dictionary = False
    # From nothing: a crash that comes of a seed is small already, and nothing to minimise.
    options.fuzz_corpus_dirs = [folder(work, "empty")]
    result = engine.fuzz(target, options, crashes, FUZZ_SECONDS)
    step("fuzz", len(result.crashes) == 1,
         f"{result.stats.get('number_of_executed_units', '?')} executions, {len(result.crashes)} crash")
    crash = result.crashes[0]
    found = re.search(r"broken: (\S+)", crash.stacktrace)
    name = os.path.basename(crash.input_path)
    step("crash file", bool(found) and name.startswith("crash-"), f"{name}, {found and found.group(1)}")
    state = crash_state(crash.stacktrace)
    function = "broken_" + found.group(1).replace("-", "_")
    step("crash state", function in state, " / ".join(state.split()))

    again = engine.reproduce(target, crash.input_path, crash.reproduce_args, TIMEOUT_SECONDS)
    step("reproduce", again.return_code == 77 and crash_state(again.output) == state,
         f"exit code {again.return_code}")

    small = str(work / "minimised")
    # Each smaller crash is written as soon as it is found; the last step of libFuzzer's search may outlast the limit.
    ended = ""
    try:
        engine.minimize_testcase(target, crash.reproduce_args, crash.input_path, small, 2 * TIMEOUT_SECONDS)
    except TimeoutError:
        ended = ", ended by the time limit"
    before, after = os.path.getsize(crash.input_path), os.path.getsize(small)
    again = engine.reproduce(target, small, crash.reproduce_args, TIMEOUT_SECONDS)
    step("minimise testcase", 0 < 2 * after < before and again.return_code == 77,
         f"{before} to {after} bytes, exit code {again.return_code}{ended}")

    # Traces as rdmfuzz keeps them go in beside the seeds.
    os.environ["RDMFUZZ_EDITION"] = "repaired"
    own = folder(work, "own")
    for path in sorted(corpus.iterdir())[:40]:
        shutil.copy(path, own)
    output = folder(work, "minimal")
    engine.minimize_corpus(target, [], [inputs, own], output, folder(work, "merge-crashes"), 2 * TIMEOUT_SECONDS)
    kept = len(os.listdir(output))
    total = len(os.listdir(inputs)) + len(os.listdir(own))
    step("minimise corpus", 0 < kept < total, f"{kept} of {total} inputs cover the same")


with environment.Environment("libFuzzer", "address", sys.argv[1]):
    main()
