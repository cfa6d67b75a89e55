#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""The order of the rooms, what each of them may know and hold, and that the build lists their tests.

Usage: rooms.py PROJECT [--without RULE]...   checks the source tree
       rooms.py --self-test                   checks that every rule fails where it is broken

The order is the one in which src/meson.build names them: a room may include itself and the rooms before it.
"""
import pathlib
import re
import sys
import tempfile

FUNCTION_LIMIT = 60
SHARE_OF_CORE = 5

OWN_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]*)"', re.MULTILINE)
OUTSIDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*<(tss2/|keyutils\.h|systemd/|sys/mount\.h|termios\.h)', re.MULTILINE)
REAL_FORM = re.compile(r'sys/(tpm/esys_|keyring/kernel_keyring|prompt/(password_agents|terminal)\.)')
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')

# What is a program's business to say: commands to run, and options of ours. What we run ourselves is given as separate
# arguments, in the files below.
COMMAND = re.compile(r"'(sealmount|systemd-[a-z]+) |(systemctl|journalctl|modprobe) |tpm2_[a-z]|chattr|(^|[\s'(\"])--[a-z]")
VERB = re.compile(r'\bVerb\{\w+,\s*"([a-z-]+)"')
RUNS_PROGRAMS = {
    'src/sys/host/bootctl.cpp',
    'src/sys/prompt/password_agents.cpp',
}


def text_of(path):
    return path.read_text(encoding='utf-8')


def without_comments(text):
    """Comments become blanks, so that lines keep their numbers; string literals stay."""
    token = re.compile(r'R"(?P<mark>[^(]*)\(.*?\)(?P=mark)"|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\'|//[^\n]*|/\*.*?\*/',
                       re.DOTALL)

    def blank(match):
        found = match.group(0)
        return re.sub(r'[^\n]', ' ', found) if found.startswith('/') else found
    return token.sub(blank, text)


def without_strings(text):
    """After without_comments(): string and character literals become blanks."""
    token = re.compile(r'R"(?P<mark>[^(]*)\(.*?\)(?P=mark)"|"(?:[^"\\\n]|\\.)*"|(?<!\w)\'(?:[^\'\\\n]|\\.)+\'', re.DOTALL)
    return token.sub(lambda match: re.sub(r'[^\n]', ' ', match.group(0)), text)


def functions(text):
    """Yields (line, lines) of each body: from the line of its brace to the line of the closing one."""
    code = without_strings(without_comments(text))
    code = re.sub(r'^[ \t]*#.*?(?<!\\)$', '', code, flags=re.MULTILINE)
    scope = re.compile(r'\b(namespace|class|struct|union|enum|extern)\b[^()=]*$')
    stack, head, line = [], '', 1
    for character in code:
        if character == '\n':
            line += 1
        in_scope = all(kind == 'scope' for kind, _ in stack)
        if character == '{':
            said = head.strip()
            if in_scope and scope.search(said):
                kind = 'scope'
            elif in_scope and '(' in said and not said.endswith('='):
                kind = 'function'
            else:
                kind = 'block'
            stack.append((kind, line))
            if kind == 'scope':
                head = ''
        elif character == '}':
            if not stack:
                raise ValueError(f'line {line}: a brace too many')
            kind, began = stack.pop()
            if kind == 'function':
                yield began, line - began + 1
            # A member initialized in a constructor's list ends on its line, and the body is still to come.
            if kind == 'scope' or line > began:
                head = ''
        elif character == ';' and in_scope:
            head = ''
        elif in_scope:
            head += character
    if stack:
        raise ValueError(f'line {stack[-1][1]}: this brace is never closed')


def rooms_of(build_file):
    """The rooms, in the order in which the build names them."""
    lists = re.findall(r'foreach\s+room\s*:\s*\[(.*?)\]', text_of(build_file), re.DOTALL)
    rooms = re.findall(r"'([^']+)'", '\n'.join(lists))
    if 'app' not in rooms:
        rooms.append('app')
    return rooms


class Tree:
    def __init__(self, project):
        self.project = project
        self.complaints = []
        self.rooms = rooms_of(project / 'src/meson.build')
        self.order = {room: number for number, room in enumerate(self.rooms)}
        self.files = sorted(path for path in (project / 'src').rglob('*') if path.suffix in ('.cpp', '.hpp'))
        self.texts = {path: text_of(path) for path in self.files}

    def complain(self, rule, what):
        self.complaints.append((rule, what))

    def name(self, path):
        return path.relative_to(self.project).as_posix()

    def room_of(self, path):
        return path.parent.relative_to(self.project / 'src').as_posix()

    def folders_are_rooms(self):
        folders = {self.room_of(path) for path in self.files}
        for folder in sorted(folders - set(self.rooms)):
            self.complain('folders', f'src/{folder} is not a room of src/meson.build')
        for room in self.rooms:
            if room not in folders:
                self.complain('folders', f'src/{room} is a room without a file')

    def includes_run_down(self):
        for path in self.files:
            here = self.room_of(path)
            for included in OWN_INCLUDE.findall(self.texts[path]):
                there = included.rpartition('/')[0]
                if not (self.project / 'src' / included).is_file() or included.startswith('.'):
                    self.complain('paths', f'{self.name(path)}: "{included}" is not a path from src/')
                elif there in self.order and here in self.order and self.order[there] > self.order[here]:
                    self.complain('order', f'{self.name(path)}: includes "{included}", but {there} comes after {here}')

    def only_sys_speaks_to_the_outside(self):
        for path in self.files:
            if self.room_of(path).startswith('sys/'):
                continue
            if found := OUTSIDE.search(self.texts[path]):
                self.complain('outside', f'{self.name(path)}: includes <{found.group(1)}...>, which only sys may')

    def core_sees_interfaces(self):
        for path in self.files:
            if not self.room_of(path).startswith('core/'):
                continue
            for included in OWN_INCLUDE.findall(self.texts[path]):
                if REAL_FORM.match(included):
                    self.complain('interfaces', f'{self.name(path)}: includes the real form "{included}"')

    def core_names_no_commands(self):
        verbs = VERB.findall(self.texts.get(self.project / 'src/app/command.cpp', ''))
        with_verb = re.compile(rf"\bsealmount ({'|'.join(verbs)})(?![\w-])") if verbs else COMMAND
        for path in self.files:
            if self.room_of(path).split('/')[0] not in ('core', 'sys') or self.name(path) in RUNS_PROGRAMS:
                continue
            code = without_comments(self.texts[path])
            for number, line in enumerate(code.split('\n'), 1):
                for literal in STRING.findall(line):
                    if COMMAND.search(literal[1:-1]) or with_verb.search(literal[1:-1]):
                        self.complain('commands', f'{self.name(path)}:{number}: {literal}: a command or an option is for '
                                                  'app/output/hints.cpp to name, by an AdviceKind')

    def no_room_is_too_big(self):
        lines = dict.fromkeys(self.rooms, 0)
        for path in self.files:
            lines[self.room_of(path)] = lines.get(self.room_of(path), 0) + self.texts[path].count('\n')
        core = sum(count for room, count in lines.items() if room.startswith('core/'))
        for room, count in lines.items():
            if count * SHARE_OF_CORE > core:
                self.complain('size', f'src/{room} has {count} lines, more than a fifth of the {core} of src/core')

    def functions_are_short(self):
        generators = sorted((self.project / 'generators').glob('*.?pp'))
        for path in self.files + generators:
            for line, length in functions(text_of(path)):
                if length > FUNCTION_LIMIT:
                    self.complain('functions', f'{self.name(path)}:{line}: a function of {length} lines')

    def design_lists_the_rooms(self):
        design = text_of(self.project / 'DESIGN.md')
        first_words = [re.match(r'\|\s*`?([a-z_/]+)/?`?\s*\|', line) for line in design.split('\n')]
        listed = [found.group(1).rstrip('/') for found in first_words if found]
        listed = [room for room in listed if room in self.order or re.match(r'(base|sys|core|app)(/|$)', room)]
        for mine, theirs in zip(self.rooms + [None], listed + [None]):
            if mine != theirs:
                self.complain('design', f'DESIGN.md lists {theirs or "nothing more"} where src/meson.build has '
                                        f'{mine or "nothing more"}')
                return

    def tests_are_listed(self):
        for suite in ('unit', 'stories'):
            top = self.project / 'tests' / suite
            for path in sorted(top.rglob('*_test.cpp')):
                room = path.parent.relative_to(top).as_posix()
                for build, listed in [(top / 'meson.build', room), (path.parent / 'meson.build', path.name)]:
                    if not build.is_file() or f"'{listed}'" not in text_of(build):
                        self.complain('tests', f"{self.name(path)} is not run: {self.name(build)} does not list '{listed}'")

    def check(self):
        self.folders_are_rooms()
        self.includes_run_down()
        self.only_sys_speaks_to_the_outside()
        self.core_sees_interfaces()
        self.core_names_no_commands()
        self.no_room_is_too_big()
        self.functions_are_short()
        self.design_lists_the_rooms()
        self.tests_are_listed()
        return self.complaints


# --- the test of the test

def long_function(lines):
    return '\n'.join(['namespace a {', 'Thing::Thing(int x,', '             int y)',
                      '    : x_{x}, y_(y) {'] + ['    step();'] * (lines - 2) + ['}', '}']) + '\n'


GOOD = {
    'src/meson.build': 'foreach room : [\n'
                       + ''.join(f"  'core/{room}',\n" for room in 'abcdefg').join(["  'base',\n  'sys/tpm',\n", ']\n'])
                       + "foreach room : [\n  'app/verbs',\n]\n",
    'src/base/text.hpp': '#include <string>\n',
    'src/sys/tpm/esys_tpm.cpp': '#include "base/text.hpp"\n#include <tss2/tss2_esys.h>\n',
    'src/core/a/a.cpp': '#include "base/text.hpp"\n// Said by \'sealmount check\', with --json.\n'
                        'const char* x = "no command, systemd-boot";\n' + '\n' * 60,
    'src/core/a/a.hpp': '\n',
    'src/core/b/b.cpp': '#include "core/a/a.hpp"\n' + long_function(60),
    'src/core/c/c.cpp': 'constexpr int table[] = {\n' + '    1,\n' * 60 + '};\n',
    **{f'src/core/{room}/{room}.cpp': '\n' * 60 for room in 'defg'},
    'src/app/main.cpp': '#include "app/verbs/v.hpp"\n#include "core/g/g.cpp"\n',
    'src/app/command.cpp': 'Verb{volumes,\n     "check", "check all", declare_check},\n',
    'src/app/verbs/v.hpp': 'const char* x = "\'sealmount check\' --json";\n',
    'generators/main.cpp': 'int main() { return 0; }\n',
    'tests/unit/meson.build': "foreach room : [\n  'core/a',\n]\n",
    'tests/unit/core/a/meson.build': "unit_sources += files(\n  'a_test.cpp',\n)\n",
    'tests/unit/core/a/a_test.cpp': '\n',
    'DESIGN.md': '# Design\n\n| room | what |\n|---|---|\n'
                 + ''.join(f'| `{room}` | what it does |\n' for room in
                           ['base', 'sys/tpm', *(f'core/{room}' for room in 'abcdefg'), 'app/verbs', 'app']),
}

# Rule, file, what is put in its place.
FAULTS = [
    ('folders', 'src/core/forgotten/f.cpp', '\n'),
    ('folders', 'src/sys/tpm/esys_tpm.cpp', None),
    ('order', 'src/core/a/a.cpp', '#include "core/b/b.cpp"\n'),
    ('order', 'src/base/text.hpp', ' # include "app/verbs/v.hpp"\n'),
    ('order', 'src/app/verbs/v.hpp', '#include "app/main.cpp"\n'),
    ('paths', 'src/core/a/a.cpp', '#include "a.hpp"\n'),
    ('paths', 'src/core/a/a.cpp', '#include "../../base/text.hpp"\n'),
    ('outside', 'src/core/a/a.cpp', '#include <keyutils.h>\n'),
    ('outside', 'src/app/main.cpp', '#include <systemd/sd-journal.h>\n'),
    ('interfaces', 'src/core/a/a.cpp', '#include "sys/tpm/esys_tpm.cpp"\n'),
    ('commands', 'src/core/a/a.cpp', 'const char* x = "run \'sealmount check\'";\n'),
    ('commands', 'src/core/a/a.cpp', 'const char* x = "look at it with sealmount check";\n'),
    ('commands', 'src/core/a/a.cpp', 'const char* x = "--authority: too long";\n'),
    ('commands', 'src/sys/tpm/esys_tpm.cpp', 'const char* x = "give (--force)";\n'),
    ('commands', 'src/sys/tpm/esys_tpm.cpp', 'const char* x = "lift that with \'chattr -i\'";\n'),
    ('size', 'src/core/d/d.cpp', '\n' * 120),
    ('size', 'src/app/verbs/v.hpp', '\n' * 120),
    ('functions', 'src/core/b/b.cpp', long_function(61)),
    ('functions', 'generators/main.cpp', long_function(61)),
    ('functions', 'src/base/text.hpp', 'struct A {\n    int f() const {\n' + '\n' * 59 + '    }\n};\n'),
    ('tests', 'tests/unit/core/a/b_test.cpp', '\n'),
    ('tests', 'tests/unit/meson.build', 'foreach room : []\n'),
    ('tests', 'tests/stories/core/a/a_test.cpp', '\n'),
    ('design', 'DESIGN.md', GOOD['DESIGN.md'].replace('| `core/c` | what it does |\n', '')),
    ('design', 'DESIGN.md', GOOD['DESIGN.md'] + '| `core/gone` | d |\n'),
    ('design', 'DESIGN.md', GOOD['DESIGN.md'].replace('`core/a`', '`core/x`').replace('`core/b`', '`core/a`')),
]


def complaints_of(files):
    with tempfile.TemporaryDirectory() as directory:
        project = pathlib.Path(directory)
        for name, text in files.items():
            if text is not None:
                (project / name).parent.mkdir(parents=True, exist_ok=True)
                (project / name).write_text(text, encoding='utf-8')
        return Tree(project).check()


def self_test():
    wrong = [f'the good tree: {rule}: {what}' for rule, what in complaints_of(GOOD)]
    for rule, name, text in FAULTS:
        found = {broken for broken, _ in complaints_of({**GOOD, name: text})}
        if found != {rule}:
            wrong.append(f'{name}: {text!r:.60}: expected {rule}, found {sorted(found) or "nothing"}')
    return wrong


def main():
    arguments = sys.argv[1:]
    if arguments == ['--self-test']:
        wrong = self_test()
    elif arguments and set(arguments[1::2]) <= {'--without'} and len(arguments) % 2:
        wrong = [f'{rule}: {what}' for rule, what in Tree(pathlib.Path(arguments[0])).check()
                 if rule not in arguments[2::2]]
    else:
        print(__doc__, file=sys.stderr)
        return 64
    print('\n'.join(wrong) if wrong else 'ok')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
