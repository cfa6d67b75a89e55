// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/srk_trust.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "sys/tpm/srk_name.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace sealmount {

namespace {

constexpr std::array systemd_notes = {"/run/systemd/tpm2-srk-public-key.tpm2b_public",
                                      "/var/lib/systemd/tpm2-srk-public-key.tpm2b_public"};

[[noreturn]] void refuse_srk(const std::string& whose, const TpmName& expected, const std::string& found,
                             const std::string& master) {
    throw Error{Reason::refused,
                formatted("the TPM's storage root key is not that of {}: expected the key {}, found {}. The "
                          "TPM was replaced or cleared, or something answers in its place",
                          whose, to_hex(expected), found),
                {.kind = AdviceKind::accept_new_tpm, .subject = master}};
}

[[noreturn]] void refuse_srk(const SrkPin& pin, const std::string& found) {
    refuse_srk(formatted("the master key \"{}\"", pin.master), pin.name, found, pin.master);
}

bool is_pinned(const std::vector<SrkPin>& pins, const TpmName& name) {
    return std::ranges::any_of(pins, [&](const SrkPin& pin) { return pin.name == name; });
}

/// A TPM without a storage root key cannot be the one of the pins, unless it makes that key again.
void check_evicted(Tpm& tpm, const std::vector<SrkPin>& pins) {
    const auto name = tpm.srk_name();
    if (name || name.error().kind != RefusalKind::srk_missing || !tpm.has_storage()) {
        return; // whatever else is wrong, sealing says
    }
    if (std::ranges::none_of(pins, [&](const SrkPin& pin) { return tpm.use_primary(pin.name); })) {
        refuse_srk(pins.front(), "none, and it does not make that one again");
    }
}

/// Has systemd noted this one? Nothing when it has noted none.
bool is_noted_by_systemd(const Paths& paths, const TpmName& name) {
    for (const char* const note : systemd_notes) {
        const auto text = read_trusted_file_if_exists(paths.below_root(note));
        if (!text) {
            continue;
        }
        const auto noted = name_of_public(as_bytes(*text));
        if (!noted) {
            throw Error{Reason::bad_data, formatted("{}: is not the public key of a TPM (TPM2B_PUBLIC)",
                                                    paths.below_root(note).string())};
        }
        if (*noted != name) {
            refuse_srk(paths.below_root(note).string(), *noted, to_hex(name), "");
        }
        return true;
    }
    return false;
}

} // namespace

const char* to_string(const SrkTrust trust) noexcept {
    switch (trust) {
    case SrkTrust::pinned:
        return "pinned";
    case SrkTrust::systemd:
        return "systemd";
    case SrkTrust::accepted:
        return "accepted";
    case SrkTrust::first_use:
        return "first-use";
    }
    return "";
}

std::vector<SrkPin> srk_pins(const Store& store) {
    std::set<std::string> names;
    for (const Volume& volume : store.manifest().volumes) {
        names.insert(volume.master);
    }
    std::vector<SrkPin> pins;
    for (const std::string& name : names) {
        try {
            pins.push_back({.master = name, .name = store.master(name).srk_name});
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): one that cannot be read pins nothing
        }
    }
    return pins;
}

TrustedSrk trusted_srk(Tpm& tpm, const SrkQuestion& question) {
    const bool must_be_pinned = !question.pins.empty() && !question.accepts_new_tpm;
    if (must_be_pinned) {
        check_evicted(tpm, question.pins);
    }
    SealingParent srk = srk_to_seal_under(tpm);
    TrustedSrk trusted{.name = std::move(srk.name), .is_new = srk.is_new};
    if (is_pinned(question.pins, trusted.name)) {
        return trusted;
    }
    if (must_be_pinned) {
        refuse_srk(question.pins.front(), to_hex(trusted.name));
    }
    if (question.accepts_new_tpm) {
        trusted.trust = SrkTrust::accepted;
    } else if (question.systemd != nullptr && is_noted_by_systemd(*question.systemd, trusted.name)) {
        trusted.trust = SrkTrust::systemd;
    } else {
        trusted.trust = SrkTrust::first_use;
    }
    return trusted;
}

} // namespace sealmount
