# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""Somebody between the system and its TPM, who reads and changes what passes: an active interposer on the bus.

It shows a storage root key of its own in place of the TPM's, together with the name of the true one. Whoever salts a
session with that key has a session with the interposer, which keeps another one with the TPM, and passes everything on:
decrypted, noted, encrypted again, with new HMACs. What it learns is its loot: what is sealed, what is unsealed, and
PINs, which it finds by trying all numbers of four digits against the HMAC that they are a part of."""
import os
import socket
import struct
import threading

import tpm_math as m

SRK = 0x81000001
PASSWORD = 0x40000009

CREATE_PRIMARY = 0x131
OBJECT_CHANGE_AUTH = 0x150
CREATE = 0x153
LOAD = 0x157
UNSEAL = 0x15E
READ_PUBLIC = 0x173
START_AUTH_SESSION = 0x176

# Handles in the command, in the answer.
HANDLES = {CREATE: (1, 0), LOAD: (1, 1), UNSEAL: (1, 0), OBJECT_CHANGE_AUTH: (2, 0), READ_PUBLIC: (1, 0)}
DECRYPT, ENCRYPT = 0x20, 0x40


def u16(number):
    return struct.pack(">H", number)


def u32(number):
    return struct.pack(">I", number)


def sized(data):
    return u16(len(data)) + data


def take_sized(data):
    size = int.from_bytes(data[:2], "big")
    return data[2 : 2 + size], data[2 + size :]


def receive(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            return None
        data += more
    return data


def receive_message(connection):
    """A whole command or answer; None at the end."""
    head = receive(connection, 10)
    if head is None:
        return None
    rest = receive(connection, int.from_bytes(head[2:6], "big") - 10)
    return None if rest is None else head + rest


class Session:
    """One that was salted with the interposer's key: `ours` is its key towards the program, `theirs` to the TPM."""

    def __init__(self, ours, theirs, nonce_caller, nonce_tpm):
        self.ours, self.theirs = ours, theirs
        self.caller, self.tpm = nonce_caller, nonce_tpm
        self.pin = b""  # of what it authorizes


class Interposer:
    """Listens on `tap`, and is the only one that talks to the TPM at `upstream`."""

    def __init__(self, tap, upstream):
        self.upstream = socket.socket(socket.AF_UNIX)
        self.upstream.connect(upstream)
        self.lock = threading.Lock()
        self.secret = 0x5EA1  # any number: its key need not differ from test to test
        self.point = m.multiply(self.secret, m.BASE)
        self.true_answers = None  # about the key, before the first lie; None: it never lies
        self.sent_name = "true"  # of the key, along with the lie; or "own"
        self.forget()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(tap)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def forget(self):
        self.sessions, self.names = {}, {}
        self.is_lying, self.lies, self.salted = False, 0, 0
        self.loot = []
        self.commands = []

    def lie(self, after=0, name="true"):
        self.forget()
        self.true_answers, self.sent_name = after, name

    def behave(self):
        self.forget()
        self.true_answers = None

    # The wires.

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.attend, args=(client,), daemon=True).start()

    def attend(self, client):
        with client:
            while (command := receive_message(client)) is not None:
                with self.lock:
                    try:
                        answer = self.answer(command)
                    except Exception as error:  # a failed attack must not look like a refusal
                        self.loot.append(("broken", repr(error)))
                        answer = b"\x80\x01" + u32(10) + u32(0x101)
                client.sendall(answer)

    def exchange(self, command):
        self.upstream.sendall(command)
        return receive_message(self.upstream)

    def send(self, code, body, tag=0x8001):
        """A command of the attacker's own. The answer's code and body."""
        answer = self.exchange(u16(tag) + u32(len(body) + 10) + u32(code) + body)
        return int.from_bytes(answer[6:10], "big"), answer[10:]

    # What it does on them.

    def answer(self, command):
        code = int.from_bytes(command[6:10], "big")
        self.commands.append(code)
        if self.true_answers is None:
            return self.exchange(command)
        if code == READ_PUBLIC and command[10:14] == u32(SRK):
            return self.show_key(self.exchange(command))
        if code == START_AUTH_SESSION and self.is_lying and command[10:14] == u32(SRK):
            return self.start_session(command)
        if command[:2] == b"\x80\x02" and code in HANDLES:
            handles = 4 * HANDLES[code][0]
            session = int.from_bytes(command[14 + handles : 18 + handles], "big")
            if session in self.sessions:
                return self.pass_on(code, command, self.sessions[session])
        answer = self.exchange(command)
        if code == LOAD and answer[6:10] == u32(0):
            self.names[answer[10:14]] = take_sized(answer[18:])[0]  # in a password's session it is in the clear
        return answer

    def own_area(self, area):
        """The same public area with another point."""
        return area[:-68] + sized(m.coordinate(self.point[0])) + sized(m.coordinate(self.point[1]))

    def show_key(self, answer):
        if answer[6:10] != u32(0):
            return answer
        area, rest = take_sized(answer[10:])
        self.true_point = tuple(int.from_bytes(part, "big") for part in (area[-66:-34], area[-32:]))
        self.true_name, rest = take_sized(rest)
        self.is_lying = self.true_answers == 0
        if not self.is_lying:
            self.true_answers -= 1
            return answer
        self.lies += 1
        forged = self.own_area(area)
        self.shown_name = self.true_name if self.sent_name == "true" else b"\0\x0b" + m.sha256(forged)
        body = sized(forged) + sized(self.shown_name) + rest
        return answer[:2] + u32(len(body) + 10) + u32(0) + body

    def start_session(self, command):
        caller, rest = take_sized(command[18:])
        salt, rest = take_sized(rest)
        x, y = take_sized(salt)[0], take_sized(take_sized(salt)[1])[0]
        z = m.multiply(self.secret, (int.from_bytes(x, "big"), int.from_bytes(y, "big")))
        seed = m.kdfe(m.coordinate(z[0]), b"SECRET", x, m.coordinate(self.point[0]))
        own_secret = int.from_bytes(os.urandom(32), "big") % m.ORDER
        own = m.multiply(own_secret, m.BASE)
        z = m.multiply(own_secret, self.true_point)
        own_seed = m.kdfe(m.coordinate(z[0]), b"SECRET", m.coordinate(own[0]), m.coordinate(self.true_point[0]))
        own_salt = sized(m.coordinate(own[0])) + sized(m.coordinate(own[1]))
        body = command[10:18] + sized(caller) + sized(own_salt) + rest
        answer = self.exchange(command[:2] + u32(len(body) + 10) + command[6:10] + body)
        if answer[6:10] == u32(0):
            handle = int.from_bytes(answer[10:14], "big")
            nonce_tpm, _ = take_sized(answer[14:])
            keys = [m.kdfa(key, b"ATH", nonce_tpm, caller, 32) for key in (seed, own_seed)]
            self.sessions[handle] = Session(*keys, caller, nonce_tpm)
        return answer

    def name_of(self, handle, to_tpm):
        if handle == u32(SRK):
            return self.true_name if to_tpm else self.shown_name
        return self.names.get(handle, handle)

    def find_pin(self, session, expected, message):
        """The authorization value that makes this HMAC."""
        for candidate in [b""] + [f"{number:04}".encode() for number in range(10000)]:
            if m.hmac(session.ours + candidate, *message) == expected:
                return candidate
        raise ValueError("the program's HMAC is not made with a key that we know")

    @staticmethod
    def turn(key, pin, newer, older, data, decrypt):
        """The first parameter, de- or encrypted."""
        content, rest = take_sized(data)
        mask = m.kdfa(key + pin, b"CFB", newer, older, 32)
        return sized(m.cfb(mask[:16], mask[16:], content, decrypt)) + rest

    def pass_on(self, code, command, session):
        handle_count, answer_handles = HANDLES[code]
        handles = command[10 : 10 + 4 * handle_count]
        rest = command[10 + len(handles) :]
        auth_size = int.from_bytes(rest[:4], "big")
        auth, parameters = rest[4 : 4 + auth_size], rest[4 + auth_size :]
        session.caller, tail = take_sized(auth[4:])
        attributes, given = tail[:1], take_sized(tail[1:])[0]

        def cp_hash(to_tpm, data):
            names = [self.name_of(handles[i : i + 4], to_tpm) for i in range(0, len(handles), 4)]
            return m.sha256(u32(code), *names, data)

        message = (cp_hash(False, parameters), session.caller, session.tpm, attributes)
        # That it fits proves that the session is salted with our key.
        pin = self.find_pin(session, given, message)
        self.salted += 1
        if pin:
            self.loot.append(("pin", pin.decode()))
        if attributes[0] & DECRYPT:
            parameters = self.turn(session.ours, pin, session.caller, session.tpm, parameters, True)
            self.look_at(code, parameters, pin)
            parameters = self.turn(session.theirs, pin, session.caller, session.tpm, parameters, False)
        proof = m.hmac(session.theirs + pin, cp_hash(True, parameters), session.caller, session.tpm, attributes)
        auth = auth[:4] + sized(session.caller) + attributes + sized(proof)
        body = handles + u32(len(auth)) + auth + parameters
        answer = self.exchange(command[:2] + u32(len(body) + 10) + u32(code) + body)
        if answer[6:10] != u32(0):
            return answer
        return self.pass_back(code, answer, answer_handles, session, pin)

    def pass_back(self, code, answer, answer_handles, session, pin):
        handles = answer[10 : 10 + 4 * answer_handles]
        rest = answer[10 + len(handles) :]
        size = int.from_bytes(rest[:4], "big")
        parameters, tail = rest[4 : 4 + size], rest[4 + size :]
        session.tpm, tail = take_sized(tail)
        attributes = tail[:1]
        if attributes[0] & ENCRYPT:
            parameters = self.turn(session.theirs, pin, session.tpm, session.caller, parameters, True)
            if code == UNSEAL:
                self.loot.append(("unsealed", take_sized(parameters)[0].hex()))
            if code == LOAD:
                self.names[handles] = take_sized(parameters)[0]
            parameters = self.turn(session.ours, pin, session.tpm, session.caller, parameters, False)
        rp_hash = m.sha256(u32(0), u32(code), parameters)
        proof = m.hmac(session.ours + pin, rp_hash, session.tpm, session.caller, attributes)
        body = handles + u32(len(parameters)) + parameters + sized(session.tpm) + attributes + sized(proof)
        return answer[:2] + u32(len(body) + 10) + u32(0) + body

    def look_at(self, code, parameters, _pin):
        if code == CREATE:
            sensitive, _ = take_sized(parameters)
            auth, rest = take_sized(sensitive)
            self.loot.append(("sealed", take_sized(rest)[0].hex()))
            if auth:
                self.loot.append(("pin", auth.decode()))
