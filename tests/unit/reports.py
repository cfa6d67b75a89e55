#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""The table of reported situations, tests/vm/REPORTS.md, is true of the tests: each row names what shows it, each
name is one, the words beside the name of a scenario are in it, and each scenario from 200 on is named.

Usage: reports.py PROJECT, or reports.py --self-test
"""
import os
import re
import sys

SHOWN_BY = re.compile(r'`([^`]+)`(?: "([^"]*)")?')
FIRST_SCENARIO = 200


class Tests:
    """What there is, by the names that the table has for it."""

    def __init__(self, scenarios, cases, gtests):
        self.scenarios = scenarios  # name -> text
        self.cases = cases          # "cli/NAME", "generator/NAME"
        self.gtests = gtests        # "Suite.Name"

    def problem_with(self, name, words):
        if name in self.scenarios:
            if not words:
                return f'{name}: which of its checks?'
            return None if words in self.scenarios[name] else f'{name} has no "{words}"'
        if words:
            return f'{name} is not a scenario, and has no checks to be named'
        return None if name in self.cases or name in self.gtests else f'there is no {name}'


def rows_of(text):
    """(line number, cells) of all rows, but for the heads of tables."""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        is_head = number < len(lines) and lines[number].startswith('|---')
        if line.startswith('|') and not line.startswith('|---') and not is_head:
            yield number, [cell.strip() for cell in line.strip().strip('|').split('|')]


def problems_of(text, tests):
    named = set(re.findall(r'`([^`]+)`', text))
    for number, cells in rows_of(text):
        if len(cells) != 4 or not all(cells):
            yield f'line {number}: {len(cells)} cells, or an empty one'
            continue
        shown = SHOWN_BY.findall(cells[3])
        if not shown or SHOWN_BY.sub('', cells[3]).strip(', '):
            yield f'line {number}: shown by what? {cells[3]}'
        for name, words in shown:
            problem = tests.problem_with(name, words)
            if problem:
                yield f'line {number}: {problem}'
    for name in sorted(tests.scenarios):
        if int(name.split('-')[0]) >= FIRST_SCENARIO and name not in named:
            yield f'{name} is in no row'


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def tests_of(project):
    tests = os.path.join(project, 'tests')
    directory = os.path.join(tests, 'vm', 'scenarios')
    scenarios = {name[:-3]: read(os.path.join(directory, name)) for name in os.listdir(directory) if name.endswith('.sh')}
    cases = {f'{suite}/{name}' for suite in ('cli', 'generator') for name in os.listdir(os.path.join(tests, suite))}
    gtests = set()
    for where in ('unit', 'stories', 'contract'):
        for folder, _, names in os.walk(os.path.join(tests, where)):
            for name in names:
                if name.endswith('.cpp'):
                    found = re.findall(r'^TEST(?:_[FP])?\((\w+),\s*(\w+)\)', read(os.path.join(folder, name)), re.M)
                    gtests.update(f'{suite}.{test}' for suite, test in found)
    return Tests(scenarios, cases, gtests)


def self_test():
    tests = Tests({'200-a': 'check "it works" true', '10-b': ''}, {'cli/01-c'}, {'Suite.Test'})
    head = '| s | m | r | b |\n|---|---|---|---|\n'
    assert list(problems_of('`200-a` is not of a report\n' + head, tests)) == []
    good = head + '| s | m | r | `200-a` "it works", `cli/01-c`, `Suite.Test` |\n'
    assert list(problems_of(good, tests)) == [], list(problems_of(good, tests))
    bad = {
        head: '200-a is in no row',
        good + '| s | m | r | |\n': 'line 4: 4 cells',
        good + '| s | m | r |\n': 'line 4: 3 cells',
        good + '| s | m | r | a scenario |\n': 'shown by what',
        good + '| s | m | r | `200-a` "it fails" |\n': 'has no "it fails"',
        good + '| s | m | r | `200-a` |\n': 'which of its checks',
        good + '| s | m | r | `cli/01-c` "words" |\n': 'has no checks to be named',
        good + '| s | m | r | `Suite.Other` |\n': 'there is no Suite.Other',
        good + '| s | m | r | `201-c` "it works" |\n': 'is not a scenario',
    }
    for text, problem in bad.items():
        found = list(problems_of(text, tests))
        assert len(found) == 1 and problem in found[0], (text, found)


def main(arguments):
    if arguments == ['--self-test']:
        self_test()
        return 0
    project = arguments[0]
    text = read(os.path.join(project, 'tests', 'vm', 'REPORTS.md'))
    problems = list(problems_of(text, tests_of(project)))
    for problem in problems:
        print(f'tests/vm/REPORTS.md: {problem}')
    if not list(rows_of(text)):
        problems.append('no rows')
        print('tests/vm/REPORTS.md: no rows')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
