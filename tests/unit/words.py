#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""One word for one thing: what tests/unit/old-words.txt lists is said nowhere any more.

Usage: words.py PROJECT     checks the source tree
       words.py --self-test checks the check
"""
import fnmatch
import pathlib
import re
import subprocess
import sys
import tempfile

LIST = 'tests/unit/old-words.txt'
WHERE = ['src', 'generators', 'units', 'config', 'man', 'tests', 'tools', 'benchmarks', '.ci']
# Made by other programs, or ours to test against and not to read.
OTHERS = ['tests/vectors/*', LIST, 'tests/unit/words.py']
# A text that goes on in the next line: comment marks, and the quotes of literals that the compiler joins.
LINE_END = re.compile(r'(?:[ \t]*")?\n[ \t]*(?:"|//+|#+|\*)?[ \t]*')
# A line's end in the joined text, which patterns see as a blank.
MARK = '\v'


class List:
    def __init__(self, text):
        self.words, self.kept = [], []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith('#'):
                continue
            if ' -> ' in line:
                pattern, instead = line.rsplit(' -> ', 1)
                self.words.append((re.compile(pattern.replace(' ', r'\s')), instead))
            elif ' in ' in line:
                pattern, files = line.rsplit(' in ', 1)
                self.kept.append((re.compile(pattern.replace(' ', r'\s')), files, line))
            else:
                raise SystemExit(f'{LIST}:{number}: not PATTERN -> INSTEAD and not KEPT in FILES')
        self.used = set()

    def complaints(self, name, text):
        joined = LINE_END.sub(MARK, text)
        for pattern, files, line in self.kept:
            if fnmatch.fnmatch(name, files):
                shorter = pattern.sub(lambda found: MARK * found.group(0).count(MARK), joined)
                if shorter != joined:
                    self.used.add(line)
                joined = shorter
        for pattern, instead in self.words:
            for found in pattern.finditer(joined):
                line = joined.count(MARK, 0, found.start()) + 1
                said = found.group(0).replace(MARK, ' ')
                yield f'{name}:{line}: "{said}" is listed in {LIST}; instead: {instead}'

    def unused(self):
        return [f'{LIST}: no longer needed: {line}' for _, _, line in self.kept if line not in self.used]


def files_of(project):
    """What belongs to the project, not what a build left there."""
    listed = subprocess.run(['git', '-c', 'safe.directory=*', '-C', project, 'ls-files', '--cached', '--others',
                             '--exclude-standard', '-z'], capture_output=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.decode().split('\0')
    else:
        names = [path.relative_to(project).as_posix() for path in project.rglob('*')]
    for name in sorted(set(names)):
        if not (name.split('/')[0] in WHERE or ('/' not in name and name.endswith('.md'))):
            continue
        if any(fnmatch.fnmatch(name, other) for other in OTHERS) or not (project / name).is_file():
            continue
        yield name


def check(project):
    words = List((project / LIST).read_text(encoding='utf-8'))
    complaints, seen = [], 0
    for name in files_of(project):
        try:
            text = (project / name).read_text(encoding='utf-8')
        except UnicodeDecodeError:
            continue
        seen += 1
        complaints += words.complaints(name, text)
    if not seen:
        complaints.append(f'no files found in {project}')
    return complaints + words.unused()


def self_test():
    tree = {
        LIST: '# a comment\n\\bmend\\b -> fix\n(?<!there )is no cat -> is not a cat\n"mend" in src/a.cpp\n',
        'src/a.cpp': 'json["mend"] = 1;\n// there\n// is no cat\n',
        'README.md': 'fine\n',
        'build/x.md': 'mend\n',
        'tests/vectors/x': 'mend\n',
    }
    faults = [
        ('src/a.cpp', tree['src/a.cpp'] + '// mend it\n', [f'src/a.cpp:4: "mend" is listed in {LIST}; instead: fix']),
        ('src/b.cpp', 'x["mend"]\n', [f'src/b.cpp:1: "mend" is listed in {LIST}; instead: fix']),
        ('README.md', 'this is\nno cat\n', [f'README.md:1: "is no cat" is listed in {LIST}; instead: is not a cat']),
        ('src/b.cpp', '\nf("this is "\n  "no cat");\n',
         [f'src/b.cpp:2: "is no cat" is listed in {LIST}; instead: is not a cat']),
        ('man/a.scd', 'so: mend\n', [f'man/a.scd:1: "mend" is listed in {LIST}; instead: fix']),
        ('src/a.cpp', '// nothing to keep\n', [f'{LIST}: no longer needed: "mend" in src/a.cpp']),
    ]
    wrong = []
    for name, text, expected in [(LIST, tree[LIST], []), *faults]:
        with tempfile.TemporaryDirectory() as directory:
            project = pathlib.Path(directory)
            for file, content in {**tree, name: text}.items():
                (project / file).parent.mkdir(parents=True, exist_ok=True)
                (project / file).write_text(content, encoding='utf-8')
            found = check(project)
            if found != expected:
                wrong.append(f'{name}: expected {expected}, found {found}')
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
