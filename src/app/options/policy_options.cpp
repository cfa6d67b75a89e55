// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/policy_options.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/policy/pcrlock_file.hpp"
#include "sys/files/files.hpp"
#include "sys/prompt/secret_input.hpp"
#include "sys/tpm/public_key.hpp"

namespace sealmount {

namespace {

std::string absolute(const std::string& option, const std::string& file) {
    if (!file.starts_with('/')) {
        throw Error{Reason::usage,
                    formatted("{}: write an absolute path, since the boot reads the file as well", option)};
    }
    return file;
}

/// ProtectHome= of units/sealmount-unlock@.service.in.
std::string visible_at_boot(const std::string& option, const std::string& file) {
    for (const char* const hidden : {"/home/", "/root/", "/run/user/"}) {
        if (file.starts_with(hidden)) {
            throw Error{Reason::usage,
                        formatted("{}: the unlock service does not see what is in /home, /root and "
                                  "/run/user: put the file elsewhere, for example into /etc/systemd",
                                  option)};
        }
    }
    return absolute(option, file);
}

/// Of a new PIN, or a present one.
SecretBytes checked_pin(SecretBytes pin) {
    if (pin.empty() || pin.size() > longest_pin) {
        throw Error{
            Reason::usage,
            formatted(
                "a PIN has 1 to {} bytes: the kernel's trusted keys cannot pass a longer one to the TPM",
                longest_pin)};
    }
    // The TPM removes zeros at the end (TPM 2.0 Part 1, 19.6.4.3).
    if (pin.bytes().back() == std::byte{0}) {
        throw Error{Reason::usage, "a PIN must not end with a zero byte"};
    }
    return pin;
}

SecretBytes ask_pin(Prompt& prompt, const std::string& question) {
    auto answer = prompt.ask(question, "sealmount-pin", std::chrono::seconds{0});
    if (!answer) {
        throw Error{Reason::usage, formatted("no PIN: {}; without a terminal, give --pin-file FILE",
                                             describe(answer.error().kind))};
    }
    return std::move(*answer);
}

SignedPcrs signed_pcrs(const PolicyOptions& options, const Paths& paths) {
    const std::string key_file = absolute("--public-key", options.public_key);
    SignedPcrs result{.selection = parse_pcr_selection(options.signed_pcrs),
                      .public_key = {},
                      .file = visible_at_boot("--signatures", options.signatures)};
    const std::string pem = read_trusted_file(paths.below_root(key_file));
    try {
        result.public_key = public_key_from_pem(pem);
    } catch (const Error& error) {
        throw error.in(key_file);
    }
    return result;
}

PcrlockPcrs pcrlock_pcrs(const PolicyOptions& options, const Paths& paths, TpmOpener& opener) {
    PcrlockPcrs result{.file = visible_at_boot("--pcrlock", options.pcrlock), .nv_index = 0, .nv_name = {}};
    const std::string text = read_trusted_file(paths.below_root(result.file));
    try {
        const NvIndex index = read_pcrlock(text).nv;
        result.nv_index = index.index;
        const auto tpm = opener.open(TpmAccess::managed);
        if (!tpm) {
            throw Error{Reason::unavailable, describe(tpm.error().kind)};
        }
        result.nv_name = (*tpm)->nv_name(result.nv_index);
        if (result.nv_name != index.written_name) {
            throw Error{
                Reason::refused,
                "was not made with this TPM: its NV index is another one; 'systemd-pcrlock make-policy' "
                "makes it again"};
        }
    } catch (const Error& error) {
        throw error.in(result.file);
    }
    return result;
}

} // namespace

const char* const new_tpm_help =
    "the TPM was replaced or cleared: trust its storage root key, though it is another one than before";

void add_policy_options(Arguments& verb, PolicyOptions& options) {
    verb.choice("--policy", {"pcr", "signed", "pcrlock", "none"}, options.kind,
                "what the master key is bound to: values of PCRs, values that a key's owner signs, values "
                "that systemd-pcrlock keeps, or nothing (default: pcr)");
    verb.option("--pcrs", "LIST", options.pcrs,
                "the PCRs that must not change, such as 7+11:sha256, or with values, such as 4:sha256=HEX "
                "(default: 7; "
                "with signed and pcrlock: none)");
    verb.option("--signed-pcrs", "LIST", options.signed_pcrs,
                "with signed: the PCRs whose values are signed");
    verb.option("--public-key", "FILE", options.public_key, "with signed: the public key, a PEM file");
    verb.option("--signatures", "FILE", options.signatures, "with signed: the file with the signatures");
    verb.option("--pcrlock", "FILE", options.pcrlock, "with pcrlock: the file of systemd-pcrlock");
    verb.seconds("--boot-window", {1}, options.boot_window,
                 "the TPM releases the key only for so long after power-on");
    verb.flag("--pin", options.pin, "the TPM releases the key only with a PIN, which is asked for");
    verb.option("--pin-file", "FILE", options.pin_file, "read the PIN from FILE (- for standard input)");
    verb.flag("--new-tpm", options.new_tpm, new_tpm_help);
}

bool names_policy(const PolicyOptions& options) {
    return !options.kind.empty() || !options.pcrs.empty() || options.boot_window != 0 || options.pin;
}

Policy policy_from(const PolicyOptions& options, const Paths& paths, TpmOpener& opener) {
    Policy policy;
    const bool is_literal = options.kind.empty() || options.kind == "pcr";
    if (options.kind == "none" && (!options.pcrs.empty() || options.boot_window != 0 || options.pin)) {
        throw Error{Reason::usage, "--policy none has no condition: leave the others out, or choose pcr"};
    }
    if (options.kind == "signed") {
        policy.signed_pcrs = signed_pcrs(options, paths);
    } else if (options.kind == "pcrlock") {
        policy.pcrlock = pcrlock_pcrs(options, paths, opener);
    }
    if (is_literal || !options.pcrs.empty()) {
        policy.pcrs = parse_pcr_values(options.pcrs.empty() ? "7" : options.pcrs);
    }
    if (options.boot_window != 0) {
        policy.boot_window = std::chrono::seconds{options.boot_window};
    }
    policy.pin = options.pin;
    return policy;
}

std::optional<SecretBytes> new_pin(const PolicyOptions& options, Prompt& prompt) {
    if (!options.pin) {
        return std::nullopt;
    }
    if (!options.pin_file.empty()) {
        return checked_pin(read_secret(options.pin_file, longest_pin));
    }
    SecretBytes pin = checked_pin(ask_pin(prompt, "New PIN of the master key: "));
    if (!ask_pin(prompt, "Once more, to be sure: ").equals(pin.bytes())) {
        throw Error{Reason::usage, "the two PINs differ: nothing was written"};
    }
    return pin;
}

std::optional<SecretBytes> present_pin(const std::string& pin_file, Prompt& prompt) {
    if (!pin_file.empty()) {
        return checked_pin(read_secret(pin_file, longest_pin));
    }
    auto answer = prompt.ask("PIN of the master key: ", "sealmount-pin", std::chrono::seconds{0});
    return answer && !answer->empty() && answer->size() <= longest_pin ? std::optional{std::move(*answer)}
                                                                       : std::nullopt;
}

} // namespace sealmount
