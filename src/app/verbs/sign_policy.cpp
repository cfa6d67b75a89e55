// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/verbs.hpp"
#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "core/policy/given_values.hpp"
#include "core/policy/pcr_policy.hpp"
#include "core/policy/pcr_signatures.hpp"
#include "core/policy/policy_digest.hpp"
#include "sys/files/files.hpp"
#include "sys/prompt/signing.hpp"
#include "sys/prompt/terminal.hpp"
#include "sys/tpm/pcr_bank.hpp"
#include "sys/tpm/public_key.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace sealmount {

namespace {

constexpr mode_t signatures_mode = 0644; // nothing in them is secret

struct SignOptions {
    std::string private_key;
    std::string public_key;
    std::vector<std::string> pcrs;
    std::string values;
    std::string bank;
    std::string output = "-";
};

/// Runs `read`, whose errors are about the contents of a file.
template<typename Read>
auto reading(const std::string& file, const Read& read) {
    try {
        return read(read_trusted_file(file));
    } catch (const Error& error) {
        throw std::string_view{error.what()}.starts_with(file) ? error : error.in(file);
    }
}

/// What is to be signed, of the file and the arguments together.
PcrPolicy wanted_values(const SignOptions& options) {
    std::optional<PcrBank> bank;
    if (!options.bank.empty()) {
        bank = bank_named(options.bank);
        if (!bank) {
            throw Error{Reason::usage, "--bank must be one of sha1, sha256, sha384, sha512"};
        }
    }
    NextValues next{.bank = bank.value_or(PcrBank::sha256), .values = {}, .unknown = {}};
    if (!options.values.empty()) {
        next = reading(options.values, [](const std::string& text) { return read_next_values(text); });
        if (bank && *bank != next.bank) {
            throw Error{Reason::usage, options.values + ": has values of the bank " +
                                           std::string{to_string(next.bank)} + ", not of " + options.bank};
        }
    }
    std::set<unsigned> given;
    for (const std::string& text : options.pcrs) {
        auto [pcr, value] = parse_pcr_value(text, next.bank);
        if (!given.insert(pcr).second) {
            throw Error{Reason::usage, "PCR " + std::to_string(pcr) + " is given twice"};
        }
        next.values.insert_or_assign(pcr, std::move(value));
        next.unknown.erase(pcr);
    }
    if (!next.unknown.empty()) {
        const std::string pcr = std::to_string(*next.unknown.begin());
        throw Error{Reason::config, options.values + ": the next value of PCR " + pcr +
                                        " is not known: leave that PCR out, or give its value with --pcr " +
                                        pcr + "=HEX"};
    }
    if (next.values.empty()) {
        throw Error{Reason::usage, "nothing to sign: give PCR values with --pcr N=HEX or --values FILE"};
    }
    return {.bank = next.bank, .values = std::move(next.values)};
}

Bytes public_half(const SignOptions& options, const SigningKey& key) {
    if (!options.public_key.empty()) {
        return reading(options.public_key, [](const std::string& text) { return public_key_from_pem(text); });
    }
    auto derived = key.public_key();
    if (!derived) {
        throw Error{Reason::usage,
                    options.private_key + ": does not give its public key away: name that with --public-key"};
    }
    check_policy_key(*derived);
    return std::move(*derived);
}

PcrSignatures present_signatures(const SignOptions& options) {
    const auto text = options.output == "-" ? std::nullopt : read_trusted_file_if_exists(options.output);
    if (!text) {
        return {};
    }
    try {
        return PcrSignatures{*text};
    } catch (const Error& error) {
        throw error.in(options.output);
    }
}

void print(const SignOptions& options, const PcrPolicy& policy, const AuthorizeStep& step, const bool added,
           const bool as_json) {
    const std::string key = to_hex(fingerprint(step.public_key));
    if (as_json) {
        const Json values = to_json(policy)["values"];
        const Json json = {{"bank", to_string(policy.bank)},  {"values", values},
                           {"policy", to_hex(step.approved)}, {"key_fingerprint", key},
                           {"file", options.output},          {"added", added}};
        std::printf("%s\n", json.dump(2).c_str());
        return;
    }
    std::FILE* const out = options.output == "-" ? stderr : stdout;
    std::fprintf(out, "PCR %s %s by the key %s:\n", to_string(policy.selection()).c_str(),
                 added ? "signed" : "was signed already", key.c_str());
    for (const auto& [pcr, value] : policy.values) {
        std::fprintf(out, "  PCR %-2u  %s  %s\n", pcr, to_hex(value).c_str(),
                     std::string{pcr_meaning(pcr)}.c_str());
    }
    std::fprintf(out, "  policy  %s\n", to_hex(step.approved).c_str());
}

int run_sign_policy(const SignOptions& options, const Globals& globals) {
    if (globals.json && options.output == "-") {
        throw Error{Reason::usage, "--json needs --output FILE: standard output cannot be both"};
    }
    const PcrPolicy policy = wanted_values(options);
    const PolicyDigest approved = after_pcr(fresh_policy(), policy.selection(), policy.values);
    PcrSignatures signatures = present_signatures(options);
    const auto prompt = terminal_prompt();
    const SigningKey key{options.private_key, *prompt};
    const Bytes public_key = public_half(options, key);
    const AuthorizeStep step{.public_key = public_key, .approved = approved, .signature = key.sign(approved)};
    if (!verifies(public_key, approved, step.signature)) {
        throw Error{Reason::usage, "the public key is not that of the private key"};
    }
    const bool added = signatures.add(policy.selection(), step);
    if (options.output == "-") {
        std::fputs(signatures.text().c_str(), stdout);
    } else if (added) {
        write_file_atomically(options.output, signatures.text(), signatures_mode);
    }
    print(options, policy, step, added, globals.json);
    if (!is_rsa(public_key)) {
        std::fprintf(stderr, "sealmount: note: systemd's own tools take signatures by RSA keys only\n");
    }
    return 0;
}

} // namespace

Run declare_sign_policy(CLI::App& verb, const Globals& globals) {
    const auto options = std::make_shared<SignOptions>();
    verb.add_option("--private-key", options->private_key,
                    "sign with this key: a PEM file, - for standard input, or a URI such as pkcs11:...")
        ->required();
    verb.add_option("--public-key", options->public_key, "its public key, a PEM file; derived otherwise");
    verb.add_option("--pcr", options->pcrs, "a PCR and the value to approve, N=HEX; may be repeated")
        ->allow_extra_args(false);
    verb.add_option("--values", options->values, "the values that 'sealmount predict --json' printed");
    verb.add_option("--bank", options->bank, "the PCR bank: sha1, sha256 (default), sha384, sha512");
    verb.add_option("--output", options->output, "add to this file; - for standard output (default)");
    return [options, &globals] { return run_sign_policy(*options, globals); };
}

} // namespace sealmount
