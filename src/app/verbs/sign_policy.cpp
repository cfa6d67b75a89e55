// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "core/policy/given_values.hpp"
#include "core/policy/pcr_policy.hpp"
#include "core/policy/pcr_signatures.hpp"
#include "core/policy/policy_digest.hpp"
#include "sys/files/files.hpp"
#include "sys/prompt/signing.hpp"
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
    const std::string text = read_trusted_file(file);
    try {
        return read(text);
    } catch (const Error& error) {
        throw error.in(file);
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
            throw Error{Reason::usage, formatted("{}: has values of the bank {}, not of {}", options.values,
                                                 to_string(next.bank), options.bank)};
        }
    }
    std::set<unsigned> given;
    for (const std::string& text : options.pcrs) {
        auto [pcr, value] = parse_pcr_value(text, next.bank);
        if (!given.insert(pcr).second) {
            throw Error{Reason::usage, formatted("PCR {} is given twice", pcr)};
        }
        next.values.insert_or_assign(pcr, std::move(value));
        next.unknown.erase(pcr);
    }
    if (!next.unknown.empty()) {
        const unsigned pcr = *next.unknown.begin();
        throw Error{Reason::config, formatted("{}: the next value of PCR {} is not known: leave that PCR "
                                              "out, or give its value with --pcr {}=HEX",
                                              options.values, pcr, pcr)};
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
                    formatted("{}: its public key cannot be derived: name it with --public-key",
                              options.private_key)};
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

Json to_json(const SignOptions& options, const PcrPolicy& policy, const AuthorizeStep& step,
             const bool added) {
    return {{"bank", to_string(policy.bank)},  {"values", to_json(policy)["values"]},
            {"policy", to_hex(step.approved)}, {"key_fingerprint", to_hex(fingerprint(step.public_key))},
            {"file", options.output},          {"added", added}};
}

std::string report_of(const PcrPolicy& policy, const AuthorizeStep& step, const bool added) {
    std::string report =
        formatted("PCR {} {} by the key {}:\n", to_string(policy.selection()),
                  added ? "signed" : "was signed already", to_hex(fingerprint(step.public_key)));
    for (const auto& [pcr, value] : policy.values) {
        report += formatted("  PCR {:<2}  {}  {}\n", pcr, to_hex(value), pcr_meaning(pcr));
    }
    return report + formatted("  policy  {}\n", to_hex(step.approved));
}

int run_sign_policy(const SignOptions& options, const Globals& globals, const Machine& machine) {
    if (globals.json && options.output == "-") {
        throw Error{Reason::usage, "--json needs --output FILE: standard output cannot be both"};
    }
    const PcrPolicy policy = wanted_values(options);
    const PolicyDigest approved = after_pcr(fresh_policy(), policy.selection(), policy.values);
    PcrSignatures signatures = present_signatures(options);
    const SigningKey key{options.private_key, machine.prompt};
    const Bytes public_key = public_half(options, key);
    const AuthorizeStep step{.public_key = public_key, .approved = approved, .signature = key.sign(approved)};
    if (!verifies(public_key, approved, step.signature)) {
        throw Error{Reason::usage, "the public key is not that of the private key"};
    }
    const bool added = signatures.add(policy.selection(), step);
    if (options.output == "-") {
        print_text(signatures.text());
    } else if (added) {
        write_file_atomically(options.output, signatures.text(), signatures_mode);
    }
    if (globals.json) {
        print_json(to_json(options, policy, step, added));
    } else if (options.output == "-") { // standard output has the signatures
        print_error_text(report_of(policy, step, added));
    } else {
        print_text(report_of(policy, step, added));
    }
    if (!is_rsa(public_key)) {
        print_error("sealmount: note: systemd's own tools take signatures by RSA keys only\n");
    }
    return 0;
}

} // namespace

Run declare_sign_policy(Arguments& verb) {
    const auto options = std::make_shared<SignOptions>();
    verb.required_option("--private-key", "KEY", options->private_key,
                         "sign with this key: a PEM file, - for standard input, or a URI such as pkcs11:...");
    verb.option("--public-key", "FILE", options->public_key,
                "its public key, a PEM file (default: derived from the private key)");
    verb.option("--pcr", "N=HEX", options->pcrs, "a PCR and the value to approve");
    verb.option("--values", "FILE", options->values, "the values that 'sealmount predict --json' printed");
    verb.option("--bank", "BANK", options->bank, "the PCR bank: sha1, sha256 (default), sha384, sha512");
    verb.option("--output", "FILE", options->output, "add the signature to FILE; - is standard output");
    return [options](const Globals& globals, const Machine& machine) {
        return run_sign_policy(*options, globals, machine);
    };
}

} // namespace sealmount
