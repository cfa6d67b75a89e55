// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/policy_options.hpp"

#include "base/error.hpp"
#include "core/policy/pcrlock_file.hpp"
#include "sys/files/files.hpp"
#include "sys/prompt/secret_input.hpp"
#include "sys/prompt/terminal.hpp"
#include "sys/tpm/public_key.hpp"

namespace sealmount {

namespace {

std::string absolute(const std::string& option, const std::string& file) {
    if (!file.starts_with('/')) {
        throw Error{Reason::usage,
                    option + ": write an absolute path, since the boot reads the file as well"};
    }
    return file;
}

/// ProtectHome= of units/sealmount-unlock@.service.in.
std::string visible_at_boot(const std::string& option, const std::string& file) {
    for (const char* const hidden : {"/home/", "/root/", "/run/user/"}) {
        if (file.starts_with(hidden)) {
            throw Error{Reason::usage, option +
                                           ": the unlock service does not see what is in /home, /root and "
                                           "/run/user: put the file elsewhere, for example into "
                                           "/etc/systemd"};
        }
    }
    return absolute(option, file);
}

/// Of a PIN that is to be, or is.
SecretBytes checked_pin(SecretBytes pin) {
    if (pin.empty() || pin.size() > longest_pin) {
        throw Error{Reason::usage,
                    "a PIN has 1 to " + std::to_string(longest_pin) +
                        " bytes: the kernel's trusted keys cannot pass a longer one to the TPM"};
    }
    // The TPM takes zeros at the end away (TPM 2.0 Part 1, 19.6.4.3).
    if (pin.bytes().back() == std::byte{0}) {
        throw Error{Reason::usage, "a PIN must not end with a zero byte"};
    }
    return pin;
}

SecretBytes ask_pin(Prompt& terminal, const std::string& question) {
    auto answer = terminal.ask(question, "sealmount-pin", std::chrono::seconds{0});
    if (!answer) {
        throw Error{Reason::usage, std::string{"no PIN: "} + describe(answer.error().kind) +
                                       "; without a terminal, give --pin-file FILE"};
    }
    return std::move(*answer);
}

SignedPcrs signed_pcrs(const PolicyOptions& words, const Paths& paths) {
    const std::string key_file = absolute("--public-key", words.public_key);
    SignedPcrs result{.selection = parse_pcr_selection(words.signed_pcrs),
                      .public_key = {},
                      .file = visible_at_boot("--signatures", words.signatures)};
    try {
        result.public_key = public_key_from_pem(read_trusted_file(paths.below_root(key_file)));
    } catch (const Error& error) {
        const std::string message = error.what();
        throw message.starts_with(paths.below_root(key_file).string()) ? error : error.in(key_file);
    }
    return result;
}

PcrlockPcrs pcrlock_pcrs(const PolicyOptions& words, const Paths& paths, TpmOpener& opener) {
    PcrlockPcrs result{.file = visible_at_boot("--pcrlock", words.pcrlock), .nv_index = 0, .nv_name = {}};
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
                "makes it anew"};
        }
    } catch (const Error& error) {
        throw error.in(result.file);
    }
    return result;
}

} // namespace

void add_policy_options(CLI::App& verb, PolicyOptions& words) {
    verb.add_option(
            "--policy", words.kind,
            "what the master key is bound to: pcr (values of PCRs), signed (values that a key's owner "
            "signs), pcrlock (values that systemd-pcrlock keeps), or none")
        ->check(CLI::IsMember({"pcr", "signed", "pcrlock", "none"}));
    verb.add_option("--pcrs", words.pcrs,
                    "the PCRs that must not change, as 7+11:sha256, or with values, as 4:sha256=HEX (7; with "
                    "signed and pcrlock: none)");
    verb.add_option("--signed-pcrs", words.signed_pcrs, "with signed: the PCRs whose values are signed")
        ->capture_default_str();
    verb.add_option("--public-key", words.public_key, "with signed: the key's public half, PEM")
        ->capture_default_str();
    verb.add_option("--signatures", words.signatures, "with signed: the file with the signatures")
        ->capture_default_str();
    verb.add_option("--pcrlock", words.pcrlock, "with pcrlock: the file of systemd-pcrlock")
        ->capture_default_str();
    verb.add_option("--boot-window", words.boot_window,
                    "the TPM releases the key only so many seconds after power-on");
    verb.add_flag("--pin", words.pin, "the TPM releases the key only with a PIN, which is asked for");
    verb.add_option("--pin-file", words.pin_file, "read the PIN from there; - for standard input");
}

bool names_policy(const PolicyOptions& words) {
    return !words.kind.empty() || !words.pcrs.empty() || words.boot_window != 0 || words.pin;
}

Policy policy_from(const PolicyOptions& words, const Paths& paths, TpmOpener& opener) {
    Policy policy;
    const bool is_literal = words.kind.empty() || words.kind == "pcr";
    if (words.kind == "none" && (!words.pcrs.empty() || words.boot_window != 0 || words.pin)) {
        throw Error{Reason::usage, "--policy none has no condition: leave the others out, or choose pcr"};
    }
    if (words.kind == "signed") {
        policy.signed_pcrs = signed_pcrs(words, paths);
    } else if (words.kind == "pcrlock") {
        policy.pcrlock = pcrlock_pcrs(words, paths, opener);
    }
    if (is_literal || !words.pcrs.empty()) {
        policy.pcrs = parse_pcr_values(words.pcrs.empty() ? "7" : words.pcrs);
    }
    if (words.boot_window != 0) {
        policy.boot_window = std::chrono::seconds{words.boot_window};
    }
    policy.pin = words.pin;
    return policy;
}

std::optional<SecretBytes> new_pin(const PolicyOptions& words) {
    if (!words.pin) {
        return std::nullopt;
    }
    if (!words.pin_file.empty()) {
        return checked_pin(read_secret(words.pin_file, longest_pin));
    }
    const auto terminal = terminal_prompt();
    SecretBytes pin = checked_pin(ask_pin(*terminal, "New PIN of the master key: "));
    if (!ask_pin(*terminal, "Once more, to be sure: ").equals(pin.bytes())) {
        throw Error{Reason::usage, "the two PINs differ: nothing was written"};
    }
    return pin;
}

std::optional<SecretBytes> present_pin(const std::string& pin_file) {
    if (!pin_file.empty()) {
        return checked_pin(read_secret(pin_file, longest_pin));
    }
    const auto terminal = terminal_prompt();
    auto answer = terminal->ask("PIN of the master key: ", "sealmount-pin", std::chrono::seconds{0});
    return answer && !answer->empty() && answer->size() <= longest_pin ? std::optional{std::move(*answer)}
                                                                       : std::nullopt;
}

} // namespace sealmount
