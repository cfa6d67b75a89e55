// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/prediction_secure_boot.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/efi_variable.hpp"
#include "core/events/event_text.hpp"
#include "core/prediction/boot_images.hpp"
#include "core/prediction/image_authority.hpp"
#include "sys/crypto/certificate.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sealmount {

namespace {

constexpr std::array databases = {"PK", "KEK", "db", "dbx", "dbt", "dbr"};

bool is_variable(const ForecastEvent& event) {
    return event.past != nullptr &&
           (event.type == EventType::variable_driver_config || event.type == EventType::variable_boot ||
            event.type == EventType::variable_boot2);
}

bool is_db_authority(const ForecastEvent& event) {
    if (event.past == nullptr || event.type != EventType::variable_authority) {
        return false;
    }
    const auto variable = variable_data_of(event.past->data);
    return variable && variable->guid == image_security_database() && variable->name_text() == "db";
}

void check_database(const std::string& name, const NamedFile& file) {
    constexpr std::size_t attributes_size = 4;
    const BytesView contents = as_bytes(file.contents);
    if (!is_signature_database(name) || signatures_of(contents)) {
        return;
    }
    const bool has_attributes =
        contents.size() > attributes_size && signatures_of(contents.subspan(attributes_size));
    if (has_attributes) {
        throw Error{
            Reason::bad_data,
            formatted(
                "{}: is not an EFI signature list: it begins with four bytes of attributes, as files of "
                "efivarfs do",
                file.name),
            {AdviceKind::leave_attributes_out}};
    }
    throw Error{Reason::bad_data,
                formatted("{}: is not an EFI signature list, which {} must be", file.name, name)};
}

/// Contents of a variable at the next boot: as changed, or as in the log.
std::optional<Bytes> contents_of(const Forecast& forecast, const SecureBootChange& change,
                                 const std::string& name) {
    if (const auto changed = change.variables.find(name); changed != change.variables.end()) {
        const BytesView bytes = as_bytes(changed->second.contents);
        return Bytes{bytes.begin(), bytes.end()};
    }
    for (const LogEvent& event : forecast.log().events) {
        const auto variable =
            event.type == EventType::variable_driver_config ? variable_data_of(event.data) : std::nullopt;
        if (variable && variable->name_text() == name) {
            return variable->contents;
        }
    }
    return std::nullopt;
}

bool is_on(const std::optional<Bytes>& contents) {
    return contents && contents->size() == 1 && contents->front() == std::byte{1};
}

void replace_variable(Forecast& forecast, const std::string& name, const NamedFile& file) {
    check_database(name, file);
    unsigned count = 0;
    for (ForecastEvent& event : forecast.events()) {
        auto variable =
            is_variable(event) && !event.is_changed ? variable_data_of(event.past->data) : std::nullopt;
        if (!variable || variable->name_text() != name) {
            continue;
        }
        ++count;
        // Some firmware hashes the whole structure, some only the contents of boot variables.
        const bool is_whole = digest(forecast.bank(), {event.past->data}) == event.digest;
        const bool is_contents = digest(forecast.bank(), {variable->contents}) == event.digest;
        const BytesView contents = as_bytes(file.contents);
        variable->contents.assign(contents.begin(), contents.end());
        if (is_whole || is_contents) {
            event.digest = digest(forecast.bank(), {is_whole ? to_bytes(*variable) : variable->contents});
            event.is_changed = true;
        } else {
            forecast.spoil(event.pcr,
                           formatted("what the firmware hashed of the variable {} (event {}) is not known",
                                     printable(name), event.past->number));
        }
    }
    if (count == 0) {
        throw Error{Reason::no_input,
                    formatted("the variable {} is not measured anywhere in {}, so {} changes nothing",
                              printable(name), forecast.log().file, file.name)};
    }
}

Bytes authority_digest(const PcrBank bank, const Signature& signature) {
    return digest(bank, {to_bytes(VariableData{.guid = image_security_database(),
                                               .name = utf16("db").value(),
                                               .contents = signature.measured_form()})});
}

/// The entry of db that has the certificate.
const Signature& entry_of(const std::vector<Signature>& db, const NamedFile& file) {
    const auto der = certificate_der(as_bytes(file.contents));
    if (!der) {
        throw Error{Reason::bad_data, file.name + ": is not a certificate in DER or PEM form"};
    }
    const auto entry = std::ranges::find_if(
        db, [&](const Signature& signature) { return signature.is_certificate() && signature.data == *der; });
    if (entry == db.end()) {
        throw Error{Reason::bad_data,
                    file.name + ": is not in db, so it cannot verify anything",
                    {AdviceKind::give_database}};
    }
    return *entry;
}

/// Measured by shim, of what it verified itself: behind it, or without the owner, as old ones do.
bool is_of_shim(const Forecast& forecast, const ForecastEvent& event) {
    const LogEvent* const shim = shim_in(forecast.log());
    const auto variable = variable_data_of(event.past->data);
    return (shim != nullptr && event.past->number > shim->number) ||
           (variable && certificate_in(*event.past) == variable->contents);
}

/// Replaces the db entries that verified images with those that will.
void replace_authorities(Forecast& forecast, const std::vector<Bytes>& digests) {
    std::vector<ForecastEvent>& events = forecast.events();
    std::vector<Bytes> before;
    bool has_shims = false;
    for (const ForecastEvent& event : events) {
        if (is_db_authority(event)) {
            has_shims = has_shims || is_of_shim(forecast, event);
            if (!is_of_shim(forecast, event)) {
                before.push_back(event.digest);
            }
        }
    }
    if (before == digests) {
        return;
    }
    if (has_shims) {
        forecast.spoil(secure_boot_pcr,
                       "shim verifies images with db, too, and with which certificate of it at "
                       "the next boot is not known");
        return;
    }
    auto place = std::ranges::find_if(events, is_db_authority);
    if (place == events.end()) {
        place = std::ranges::find_if(events, [](const ForecastEvent& event) {
            return event.pcr == secure_boot_pcr && event.type == EventType::separator;
        });
        if (place == events.end()) {
            forecast.spoil(secure_boot_pcr,
                           "the log has no separator of PCR 7, so where authorities come is not known");
            return;
        }
        ++place;
    }
    std::vector<ForecastEvent> fresh;
    for (const Bytes& value : digests) {
        fresh.push_back({.pcr = secure_boot_pcr,
                         .type = EventType::variable_authority,
                         .digest = value,
                         .past = nullptr,
                         .is_changed = true});
    }
    events.insert(place, fresh.begin(), fresh.end());
    std::erase_if(events, is_db_authority);
}

/// Boot loaders do other things when images are verified: a kernel in a unified image is not started through
/// the firmware, shim asks its own keys, and GRUB is locked down.
void doubt_after_switch(Forecast& forecast) {
    const auto has = [&](const unsigned pcr) {
        return std::ranges::any_of(forecast.log().events, [&](const LogEvent& event) {
            return event.is_measured() && event.pcr == pcr && event.type == EventType::ipl;
        });
    };
    const auto doubt = [&](const std::initializer_list<unsigned> pcrs, const char* const who) {
        for (const unsigned pcr : pcrs) {
            forecast.spoil(pcr, formatted("{} measures otherwise when Secure Boot is switched", who));
        }
    };
    if (has(uki_pcr)) {
        doubt({image_pcr}, "systemd-stub");
    }
    if (has(grub_pcr)) {
        doubt({image_pcr, grub_pcr, linux_pcr}, "GRUB");
    }
    if (has(shim_pcr)) {
        doubt({image_pcr, secure_boot_pcr, shim_pcr}, "shim");
    }
}

/// The firmware starts what its boot variables say.
void doubt_after_boot_variable(Forecast& forecast, const std::string& name) {
    constexpr std::array chosen = {image_pcr, loader_pcr, secure_boot_pcr, grub_pcr,
                                   linux_pcr, uki_pcr,    parameters_pcr,  shim_pcr};
    const bool is_entry = name.size() == 8 && name.starts_with("Boot");
    if (is_entry || name == "BootOrder") {
        for (const unsigned pcr : chosen) {
            forecast.spoil(
                pcr, formatted("what the firmware starts with another {} is not known", printable(name)));
        }
    }
}

/// No authorities were named: do those of this boot still hold?
void check_authorities(Forecast& forecast, const SecureBootChange& change, const std::vector<Signature>& db) {
    const bool was_on = is_on(contents_of(forecast, {}, "SecureBoot"));
    const bool will_be_on = is_on(contents_of(forecast, change, "SecureBoot"));
    if (will_be_on && !was_on) {
        forecast.spoil(secure_boot_pcr,
                       "Secure Boot will be on, and which certificate verifies the images is not known",
                       {AdviceKind::give_authority});
        return;
    }
    if (was_on && !will_be_on) {
        forecast.spoil(secure_boot_pcr, "Secure Boot will be off, and what is measured then is not known");
        return;
    }
    for (const ForecastEvent& event : forecast.events()) {
        const bool holds =
            !is_db_authority(event) || std::ranges::any_of(db, [&](const Signature& signature) {
                return authority_digest(forecast.bank(), signature) == event.digest ||
                       (signature.is_certificate() && signature.data == certificate_in(*event.past));
            });
        if (!holds) {
            forecast.spoil(secure_boot_pcr, "a certificate that verifies an image is removed from db",
                           {AdviceKind::give_authority});
        }
    }
}

} // namespace

bool is_signature_database(const std::string_view name) {
    return std::ranges::find(databases, name) != databases.end();
}

void apply(Forecast& forecast, const SecureBootChange& change) {
    if (change.variables.empty() && change.authorities.empty()) {
        return;
    }
    for (const auto& [name, file] : change.variables) {
        replace_variable(forecast, name, file);
        doubt_after_boot_variable(forecast, name);
    }
    if (is_on(contents_of(forecast, change, "SecureBoot")) !=
        is_on(contents_of(forecast, {}, "SecureBoot"))) {
        doubt_after_switch(forecast);
    }
    const std::vector<Signature> db = signatures_of(contents_of(forecast, change, "db").value_or(Bytes{}))
                                          .value_or(std::vector<Signature>{});
    if (change.authorities.empty()) {
        check_authorities(forecast, change, db);
        return;
    }
    if (!is_on(contents_of(forecast, change, "SecureBoot"))) {
        throw Error{Reason::usage,
                    "certificates that verify images were given, but Secure Boot is off, and stays off",
                    {AdviceKind::give_secure_boot}};
    }
    std::vector<Bytes> digests;
    for (const NamedFile& file : change.authorities) {
        const Bytes value = authority_digest(forecast.bank(), entry_of(db, file));
        if (std::ranges::find(digests, value) == digests.end()) {
            digests.push_back(value);
        }
    }
    replace_authorities(forecast, digests);
}

} // namespace sealmount
