// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/enroll/batch_file.hpp"

#include "base/format.hpp"
#include "base/strict_json.hpp"

#include <nlohmann/json.hpp>

#include <set>

namespace sealmount {

namespace {

constexpr std::int64_t file_version = 1;

void read_if_there(ObjectReader& reader, const char* const member, std::string& value) {
    value = reader.optional_string(member).value_or(value);
}

void read_if_there(ObjectReader& reader, const char* const member, bool& value) {
    value = reader.optional_boolean(member).value_or(value);
}

unsigned number_of(ObjectReader& reader, const char* const member, const unsigned otherwise,
                   const std::int64_t highest) {
    const auto number = reader.optional_integer(member);
    if (number && (*number < 1 || *number > highest)) {
        reader.fail(member, formatted("{} is out of range: write 1 to {}", *number, highest));
    }
    return number ? static_cast<unsigned>(*number) : otherwise;
}

void read_keys(ObjectReader& reader, KeyOptions& keys) {
    read_if_there(reader, "passphrase_file", keys.passphrase_file);
    read_if_there(reader, "wrapped_passphrase", keys.wrapped_passphrase);
    read_if_there(reader, "filename_passphrase_file", keys.filename_passphrase_file);
    read_if_there(reader, "salt", keys.salt);
    read_if_there(reader, "fekek_file", keys.fekek_file);
    read_if_there(reader, "filename_fekek_file", keys.filename_fekek_file);
}

EnrollOptions read_volume(const Json& json, const std::string& path, EnrollOptions options) {
    constexpr std::int64_t longest_key = 64;
    constexpr std::int64_t longest_timeout = 86400;
    ObjectReader reader{json, path};
    Volume& volume = options.request.volume;
    volume.name = reader.string("name");
    volume.lower = reader.string("lower");
    volume.mountpoint = reader.string("mountpoint");
    read_keys(reader, options.keys);
    read_if_there(reader, "cipher", options.cipher);
    options.key_bytes = number_of(reader, "key_bytes", options.key_bytes, longest_key);
    read_if_there(reader, "filename_encryption", options.request.filename_encryption);
    read_if_there(reader, "master", volume.master);
    if (auto mount_options = reader.optional_strings("options"); !mount_options.empty()) {
        volume.options = std::move(mount_options);
    }
    options.required = !reader.optional_boolean("nofail").value_or(!options.required);
    read_if_there(reader, "noauto", volume.noauto);
    read_if_there(reader, "headless", volume.headless);
    options.timeout = number_of(reader, "timeout_seconds", options.timeout, longest_timeout);
    reader.finish();
    return options;
}

} // namespace

std::vector<EnrollOptions> read_batch(const std::string_view text, const EnrollOptions& defaults) {
    const Json json = parse_json(text);
    ObjectReader reader{json, ""};
    const std::int64_t version = reader.integer("version");
    if (version != file_version) {
        reader.fail("version", formatted("{} is not known to this sealmount: write 1", version));
    }
    const Json& volumes = reader.array("volumes");
    reader.finish();
    std::vector<EnrollOptions> batch;
    std::set<std::string> taken;
    for (std::size_t i = 0; i < volumes.size(); ++i) {
        const std::string path = formatted("volumes[{}]", i);
        batch.push_back(read_volume(volumes[i], path, defaults));
        const Volume& volume = batch.back().request.volume;
        for (const std::string& word : {volume.name, volume.mountpoint}) {
            if (!taken.insert(word).second) {
                throw Error{Reason::config,
                            formatted("{}: \"{}\" is in the list twice: take one out", path, word)};
            }
        }
    }
    return batch;
}

} // namespace sealmount
