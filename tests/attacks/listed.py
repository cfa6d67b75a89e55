#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""The list of attacks, README.md and SECURITY.md say the same, and each attack has the test that the list names.

Usage: listed.py PROJECT     checks the project
       listed.py --self-test checks that every rule fails where it is broken
"""
import pathlib
import re
import sys
import tempfile

LIST = 'tests/attacks/README.md'
FEWEST = 45
PROMISES = '### Protected'
EXCEPTIONS = '### Not protected'
# Said wherever somebody chooses or looks at such a policy.
SENTENCE = 'whoever boots any system signed by the same vendor on this machine gets the key'

SCRIPT = re.compile(r'^(\d\d|[a-z]+-\d\d)-')
PROOF = re.compile(r'`([^`]+)` (?:"([^"]+)"|([A-Za-z0-9]+)\.([A-Za-z0-9]+))')
OUTCOME = re.compile(r'held|by design|held; by design .+|by design; held .+')


def text_of(path):
    return path.read_text(encoding='utf-8') if path.is_file() else ''


def flat(text):
    """As one line: documents and sources break theirs anywhere."""
    return re.sub(r'\s+', ' ', re.sub(r'"\s*\n\s*"', '', text))


def tables(text):
    """Each table as (header, rows)."""
    found, rows = [], None
    for line in text.splitlines():
        if not line.startswith('|'):
            rows = None
        elif rows is None:
            rows = []
            found.append(([cell.strip() for cell in line.strip('|').split('|')], rows))
        elif not re.fullmatch(r'[|\s:-]+', line):
            rows.append([cell.strip() for cell in line.strip('|').split('|')])
    return found


class Project:
    def __init__(self, path):
        self.path = path
        self.complaints = []
        self.attacks = {}  # the outcome of each
        self.said = {}  # the attacks of each promise and exception

    def complain(self, words):
        self.complaints.append(words)

    def read_list(self):
        scripts = {}
        for path in sorted((self.path / 'tests/attacks').rglob('*.py')):
            if SCRIPT.match(path.name):
                scripts[path.stem] = path
        proved = set()
        for header, rows in tables(text_of(self.path / LIST)):
            for row in rows:
                if len(row) != len(header):
                    self.complain(f'{LIST}: {row[0]}: not {len(header)} cells')
                elif header[0] == 'README':
                    self.said[row[0]] = row[1].split(', ')
                elif header[0] == 'attack':
                    proved |= self.read_attack(dict(zip(header, row)), scripts)
        for name, path in scripts.items():
            if name not in self.attacks and path not in proved:
                self.complain(f'{LIST}: {name} is not listed')
        if len(self.attacks) < FEWEST:
            self.complain(f'{LIST}: {len(self.attacks)} attacks, fewer than {FEWEST}')

    def read_attack(self, row, scripts):
        name = row['attack']
        if name in self.attacks:
            self.complain(f'{LIST}: {name} is listed twice')
        self.attacks[name] = row['outcome']
        if not OUTCOME.fullmatch(row['outcome']):
            self.complain(f'{LIST}: {name}: the outcome "{row["outcome"]}"')
        if 'shown by' not in row:
            if name not in scripts:
                self.complain(f'{LIST}: {name} is not a script')
            return {scripts.get(name)}
        return self.prove(name, row['shown by'])

    def prove(self, name, shown_by):
        """The tests are there, are run, and have what is quoted."""
        proofs = list(PROOF.finditer(shown_by))
        if not proofs or '; '.join(proof.group(0) for proof in proofs) != shown_by:
            self.complain(f'{LIST}: {name}: not a test: {shown_by}')
        for proof in proofs:
            file, words, suite, test = proof.groups()
            text = text_of(self.path / file)
            if not text:
                self.complain(f'{LIST}: {name}: {file} is not there')
            elif words is not None and words not in text:
                self.complain(f'{LIST}: {name}: {file} does not say "{words}"')
            elif words is None and not re.search(rf'^TEST(_F|_P)?\({suite}, {test}\)', text, re.MULTILINE):
                self.complain(f'{LIST}: {name}: {file} has no test {suite}.{test}')
            elif not self.is_run(file):
                self.complain(f'{LIST}: {name}: {file} is in no meson.build')
        return {self.path / proof.group(1) for proof in proofs}

    def is_run(self, file):
        if file.startswith('tests/vm/scenarios/'):
            return True  # by its place
        return f"'{pathlib.Path(file).stem}" in text_of((self.path / file).parent / 'meson.build')

    def points(self, heading):
        """What the items of a list of README.md begin with, in bold."""
        text = text_of(self.path / 'README.md')
        if heading not in text:
            self.complain(f'README.md has no "{heading}"')
            return []
        part = re.split(r'^#', text.split(heading, 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
        points = [re.match(r'\*\*([^*]+)\*\*', item) for item in re.findall(r'^- (.*(?:\n  .*)*)', part, re.MULTILINE)]
        if not all(points):
            self.complain(f'README.md, "{heading}": an item does not begin with its name in bold')
        return [flat(point.group(1)).rstrip('.:,') for point in points if point]

    def compare(self):
        promises, exceptions = self.points(PROMISES), self.points(EXCEPTIONS)
        for point in promises + exceptions:
            if point not in self.said:
                self.complain(f'README.md: "{point}": no attack of {LIST} shows it')
        for point in self.said:
            if point not in promises + exceptions:
                self.complain(f'{LIST}: "{point}" is not in README.md')
        for points, word, kind in ((promises, 'held', 'a promise'), (exceptions, 'by design', 'an exception')):
            shown = {name for point in points for name in self.said.get(point, [])}
            for name in shown - self.attacks.keys():
                self.complain(f'{LIST}: {name} is not an attack')
            for name, outcome in self.attacks.items():
                if (word in outcome) != (name in shown):
                    self.complain(f'{LIST}: {name}: {outcome}, and {"not " if name not in shown else ""}under {kind}')
        security = flat(text_of(self.path / 'SECURITY.md'))
        for point in exceptions:
            if point not in security:
                self.complain(f'SECURITY.md does not say: {point}')
        for file, link in (('README.md', 'SECURITY.md'), ('README.md', LIST), ('SECURITY.md', LIST)):
            if f']({link})' not in text_of(self.path / file):
                self.complain(f'{file} does not lead to {link}')
        for file in ('README.md', 'SECURITY.md', 'man/sealmount-policy.7.scd'):
            if SENTENCE not in flat(text_of(self.path / file)):
                self.complain(f'{file} does not say: {SENTENCE}')


def check(path):
    project = Project(path)
    project.read_list()
    project.compare()
    return project.complaints


def good_project():
    names = [f'attack-{number}' for number in range(FEWEST)]
    rows = ''.join(f'| {name} | x | held | `tests/a_test.cpp` ATest.Holds | - |\n' for name in names)
    return {
        LIST: '| attack | what | outcome | finding |\n|---|---|---|---|\n| 01-script | x | by design | 1 |\n\n'
              f'| attack | what | outcome | shown by | finding |\n|---|---|---|---|---|\n{rows}\n'
              f'| README | attacks |\n|---|---|\n| A disk | {", ".join(names)} |\n| Root | 01-script |\n',
        'tests/attacks/01-script.py': '',
        'tests/a_test.cpp': 'TEST(ATest, Holds) {\n',
        'tests/meson.build': "'a_test.cpp'",
        'README.md': f'{PROMISES}\n\n- **A disk**: x\n\n{EXCEPTIONS}\n\n- **Root.** {SENTENCE}\n\n## More\n- x\n'
                     f'[a](SECURITY.md) [b]({LIST})\n',
        'SECURITY.md': f'Root, {SENTENCE} [b]({LIST})\n',
        'man/sealmount-policy.7.scd': SENTENCE,
    }


def self_test():
    good = good_project()
    faults = [
        (LIST, ('| attack-7 | x |', '| attack-8 | x |'), 'attack-8 is listed twice'),
        (LIST, ('| attack-7 | x | held |', '| attack-7 | x | lost |'), 'the outcome "lost"'),
        (LIST, ('| attack-7 | x | held |', '| attack-7 | x | by design |'), 'attack-7: by design, and not under an exception'),
        (LIST, ('attack-7, ', ''), 'attack-7: held, and not under a promise'),
        (LIST, ('01-script | x', '02-script | x'), '01-script is not listed'),
        (LIST, ('| Root |', '| Rot |'), '"Rot" is not in README.md'),
        (LIST, ('| Root | 01-script |', '| Root | 01-script, 02-x |'), '02-x is not an attack'),
        (LIST, ('`tests/a_test.cpp` ATest.Holds | - |\n|', 'somewhere | - |\n|'), 'not a test: somewhere'),
        ('tests/a_test.cpp', ('Holds', 'Held'), 'no test ATest.Holds'),
        ('tests/a_test.cpp', ('TEST(ATest, Holds) {\n', ''), 'tests/a_test.cpp is not there'),
        ('tests/meson.build', ('a_test', 'b_test'), 'is in no meson.build'),
        ('README.md', ('- **A disk**', '- **A disk**: y\n- **Another**'), '"Another": no attack'),
        ('README.md', ('**A disk**', 'A disk'), 'does not begin with its name in bold'),
        ('README.md', ('(SECURITY.md)', ''), 'README.md does not lead to SECURITY.md'),
        ('SECURITY.md', ('Root', ''), 'SECURITY.md does not say: Root'),
        ('man/sealmount-policy.7.scd', ('whoever', 'who'), 'scd does not say: whoever'),
    ]
    wrong = []
    for file, (before, after), expected in [(LIST, ('', ''), ''), *faults]:
        with tempfile.TemporaryDirectory() as directory:
            project = pathlib.Path(directory)
            for name, content in good.items():
                (project / name).parent.mkdir(parents=True, exist_ok=True)
                changed = content.replace(before, after, 1) if name == file else content
                (project / name).write_text(changed, encoding='utf-8')
            found = check(project)
            if not any(expected in complaint for complaint in found) if expected else found:
                wrong.append(f'{file}, {before!r}: expected {expected!r}, found {found}')
    return wrong


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    wrong = self_test() if sys.argv[1] == '--self-test' else check(pathlib.Path(sys.argv[1]))
    print('\n'.join(wrong) if wrong else 'ok')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
