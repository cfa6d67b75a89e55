// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/variable_text.hpp"

#include "base/byte_reader.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/device_path.hpp"
#include "core/events/efi_variable.hpp"
#include "sys/crypto/certificate.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

bool is_hex_digit(const char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/// "Boot0001" and its like, which hold a load option.
bool is_load_option(const std::string_view name) {
    constexpr std::size_t digits = 4;
    return std::ranges::any_of(
        std::array{"Boot", "Driver", "SysPrep", "OsRecovery"}, [&](const char* const kind) {
            return name.starts_with(kind) && name.size() == std::string_view{kind}.size() + digits &&
                   std::ranges::all_of(name.substr(name.size() - digits), is_hex_digit);
        });
}

std::string describe_load_option(const BytesView contents) {
    ByteReader reader{contents};
    const auto attributes = reader.u32();
    const auto path_size = reader.u16();
    if (!attributes || !path_size) {
        return "cut short";
    }
    const std::string description = utf8(reader.rest());
    for (auto unit = reader.u16(); unit && *unit != 0;) {
        unit = reader.u16();
    }
    const auto path = reader.take(*path_size);
    return formatted("\"{}\", {}", description, path ? device_path_text(*path) : "cut short");
}

std::string describe_order(const BytesView contents) {
    std::vector<std::string> numbers;
    ByteReader reader{contents};
    while (const auto number = reader.u16()) {
        numbers.push_back(formatted("{:04x}", *number));
    }
    return join(numbers);
}

std::string describe_signatures(const std::vector<Signature>& signatures) {
    std::vector<std::string> parts;
    std::size_t hashes = 0;
    for (const Signature& signature : signatures) {
        if (signature.is_certificate()) {
            parts.push_back("certificate " +
                            certificate_subject(signature.data).value_or("that cannot be read"));
        } else {
            ++hashes;
        }
    }
    if (hashes > 0) {
        parts.push_back(formatted("{} hash{}", hashes, hashes == 1 ? "" : "es"));
    }
    return join(parts, "; ");
}

std::string describe_contents(const std::string& name, const BytesView contents) {
    constexpr std::array databases = {"PK", "KEK", "db", "dbx", "dbt", "dbr"};
    if (contents.empty()) {
        return "empty";
    }
    if (is_load_option(name)) {
        return describe_load_option(contents);
    }
    if (name.ends_with("Order")) {
        return describe_order(contents);
    }
    if (std::ranges::find(databases, name) != databases.end()) {
        if (const auto signatures = signatures_of(contents)) {
            return describe_signatures(*signatures);
        }
        // An authority is one entry of db without its list's head (UEFI_VARIABLE_DATA of
        // EV_EFI_VARIABLE_AUTHORITY, TCG PC Client Platform Firmware Profile 1.05, 3.3.4.8).
        if (contents.size() > sizeof(Guid)) {
            const auto subject = certificate_subject(contents.subspan(sizeof(Guid)));
            return subject ? "certificate " + *subject : formatted("{} bytes", contents.size());
        }
    }
    if (contents.size() == 1) {
        const auto value = std::to_integer<unsigned>(contents.front());
        return value == 0 ? "off" : value == 1 ? "on" : std::to_string(value);
    }
    return formatted("{} bytes", contents.size());
}

} // namespace

std::string describe_variable(const BytesView data) {
    const auto variable = variable_data_of(data);
    if (!variable) {
        return formatted("a variable, {} bytes", data.size());
    }
    const std::string name = variable->name_text();
    return formatted("variable {}: {}", name, describe_contents(name, variable->contents));
}

} // namespace sealmount
