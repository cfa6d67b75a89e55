// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/manifest.hpp"

#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "core/ecryptfs/ciphers.hpp"
#include "core/volume/manifest_rules.hpp"
#include "core/volume/order_circles.hpp"
#include "core/volume/plain_volume.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <unordered_map>
#include <unordered_set>

namespace sealmount {

namespace {

constexpr std::int64_t file_version = 1;

void check(const ObjectReader& reader, const std::string_view member,
           const std::optional<std::string>& problem) {
    if (problem) {
        reader.fail(member, *problem);
    }
}

unsigned read_key_bytes(const ObjectReader& reader, const std::string_view cipher,
                        const std::string_view cipher_member, const std::int64_t key_bytes,
                        const std::string_view member) {
    check(reader, is_cipher(cipher) ? member : cipher_member, problem_with_cipher(cipher, key_bytes));
    return static_cast<unsigned>(key_bytes);
}

void read_filename_members(ObjectReader& reader, Volume& volume) {
    volume.filename_signature = reader.optional_string("filename_signature");
    const auto cipher = reader.optional_string("filename_cipher");
    const auto key_bytes = reader.optional_integer("filename_key_bytes");
    volume.filename_cipher = cipher.value_or(volume.cipher);
    if (!volume.filename_signature) {
        if (cipher || key_bytes) {
            reader.fail(
                cipher ? "filename_cipher" : "filename_key_bytes",
                "means something only with \"filename_signature\": add that member, or remove this one");
        }
        volume.filename_key_bytes = volume.key_bytes;
        return;
    }
    check(reader, "filename_signature", problem_with_signature(*volume.filename_signature));
    volume.filename_key_bytes = read_key_bytes(reader, volume.filename_cipher, "filename_cipher",
                                               key_bytes.value_or(volume.key_bytes), "filename_key_bytes");
}

void read_options(ObjectReader& reader, Volume& volume) {
    volume.options = reader.optional_strings("options");
    for (std::size_t i = 0; i < volume.options.size(); ++i) {
        check(reader, formatted("options[{}]", i), problem_with_option(volume.options[i]));
    }
}

FormChoice read_form(ObjectReader& reader) {
    const std::string form = reader.optional_string("form").value_or("auto");
    if (form != "auto" && form != "trusted") {
        reader.fail("form", formatted("{} is not known: write \"auto\" or \"trusted\"", in_quotes(form)));
    }
    return form == "trusted" ? FormChoice::trusted : FormChoice::any;
}

std::chrono::seconds read_timeout(ObjectReader& reader) {
    const std::int64_t timeout =
        reader.optional_integer("timeout_seconds").value_or(Volume{}.timeout.count());
    if (timeout < 1 || timeout > longest_timeout) {
        reader.fail("timeout_seconds", formatted("{} is out of range: write 1 to 86400", timeout));
    }
    return std::chrono::seconds{timeout};
}

std::vector<std::string> read_units(ObjectReader& reader, const std::string_view member) {
    std::vector<std::string> units = reader.optional_strings(member);
    for (std::size_t i = 0; i < units.size(); ++i) {
        check(reader, formatted("{}[{}]", member, i), problem_with_unit(units[i]));
    }
    return units;
}

/// What systemd is to know beside the mount itself.
void read_unit_members(ObjectReader& reader, Volume& volume) {
    volume.required_by = read_units(reader, "required_by");
    volume.before = read_units(reader, "before");
    volume.needs = read_units(reader, "requires");
    volume.automount = reader.optional_boolean("automount").value_or(volume.automount);
    const auto idle = reader.optional_integer("idle_timeout_seconds");
    if (!idle) {
        return;
    }
    if (!volume.automount) {
        reader.fail("idle_timeout_seconds",
                    "means something only with \"automount\": add that member, or remove this one");
    }
    if (*idle < 1 || *idle > longest_timeout) {
        reader.fail("idle_timeout_seconds", formatted("{} is out of range: write 1 to 86400", *idle));
    }
    volume.idle_timeout = std::chrono::seconds{*idle};
}

Ground read_ground(ObjectReader& volume) {
    ObjectReader reader{volume.object("ground"), volume.path_of("ground")};
    Ground ground;
    ground.uuid = reader.string("uuid");
    if (ground.uuid == unknown_uuid) {
        ground.uuid.clear();
    } else if (!is_uuid(ground.uuid)) {
        reader.fail("uuid",
                    formatted("{} is not a UUID: write its 36 lower-case digits and dashes, or \"unknown\"",
                              in_quotes(ground.uuid)));
    }
    if (const auto inode = reader.optional_integer("inode")) {
        if (*inode < 1) {
            reader.fail("inode", formatted("{} is not an inode number: write 1 or more", *inode));
        }
        ground.inode = static_cast<std::uint64_t>(*inode);
    }
    if (const auto generation = reader.optional_integer("generation")) {
        if (*generation < 0 || *generation > std::numeric_limits<std::uint32_t>::max()) {
            reader.fail("generation", formatted("{} is out of range: write 0 to 4294967295", *generation));
        }
        ground.generation = static_cast<std::uint32_t>(*generation);
    }
    ground.empty = reader.optional_boolean("empty").value_or(false);
    reader.finish();
    return ground;
}

Json ground_to_json(const Ground& ground) {
    Json json = Json::object();
    json["uuid"] = ground.uuid.empty() ? std::string{unknown_uuid} : ground.uuid;
    if (ground.inode != 0) {
        json["inode"] = ground.inode;
    }
    if (ground.generation) {
        json["generation"] = *ground.generation;
    }
    json["empty"] = ground.empty;
    return json;
}

Volume read_volume(const Json& json, const std::string& path) {
    ObjectReader reader{json, path};
    Volume volume;
    volume.name = reader.string("name");
    check(reader, "name", problem_with_name(volume.name));
    volume.lower = reader.string("lower");
    check(reader, "lower", problem_with_path(volume.lower));
    volume.mountpoint = reader.string("mountpoint");
    check(reader, "mountpoint", problem_with_path(volume.mountpoint));
    check(reader, "lower", problem_with_nesting(volume.lower, volume.mountpoint));
    volume.signature = reader.string("signature");
    check(reader, "signature", problem_with_signature(volume.signature));
    volume.cipher = reader.optional_string("cipher").value_or(volume.cipher);
    volume.key_bytes =
        read_key_bytes(reader, volume.cipher, "cipher", reader.integer("key_bytes"), "key_bytes");
    read_filename_members(reader, volume);
    volume.salt = reader.optional_string("salt");
    if (volume.salt && !is_lower_hex(*volume.salt, salt_digits)) {
        reader.fail("salt",
                    formatted("{} is not a salt: write 16 hex digits, 0-9 and a-f", in_quotes(*volume.salt)));
    }
    volume.master = reader.optional_string("master").value_or(volume.master);
    check(reader, "master", problem_with_name(volume.master));
    volume.form = read_form(reader);
    read_options(reader, volume);
    volume.nofail = reader.optional_boolean("nofail").value_or(volume.nofail);
    volume.noauto = reader.optional_boolean("noauto").value_or(volume.noauto);
    volume.headless = reader.optional_boolean("headless").value_or(volume.headless);
    volume.no_passphrase = reader.optional_boolean("no_passphrase").value_or(volume.no_passphrase);
    volume.keep_keys = reader.optional_boolean("keep_keys").value_or(volume.keep_keys);
    volume.rebind_after_recovery =
        reader.optional_boolean("rebind_after_recovery").value_or(volume.rebind_after_recovery);
    volume.timeout = read_timeout(reader);
    read_unit_members(reader, volume);
    if (json.contains("ground")) {
        volume.ground = read_ground(reader);
    }
    reader.finish();
    return volume;
}

std::string path_of_volume(const std::size_t number) {
    return formatted("volumes[{}]", number);
}

/// One volume never takes the name or the place of another.
class Taken {
  public:
    /// Throws when the name or mount point of this volume of the manifest is another's; else remembers both.
    void add(const Volume& volume, const std::size_t number) {
        if (names_.contains(volume.name)) {
            throw Error{Reason::config,
                        formatted("{}.name: {} is already the name of another volume: choose another name",
                                  path_of_volume(number), in_quotes(volume.name))};
        }
        const auto [place, is_new] = mountpoints_.try_emplace(volume.mountpoint, volume.name);
        if (!is_new) {
            throw Error{Reason::config,
                        formatted("{}.mountpoint: {} is already the mount point of volume {}: choose another "
                                  "directory",
                                  path_of_volume(number), in_quotes(volume.mountpoint),
                                  in_quotes(place->second))};
        }
        names_.insert(volume.name);
    }

  private:
    std::unordered_set<std::string> names_;
    std::unordered_map<std::string, std::string> mountpoints_; ///< and the volume's name
};

Error error_about(const OrderCircle& circle, const std::size_t number) {
    return Error{Reason::config, formatted("{}.{}: the order is a circle: {}: take one of these units out",
                                           path_of_volume(number), circle.member, describe(circle))};
}

/// What a document says, one volume after the other.
class ManifestVolumes {
  public:
    explicit ManifestVolumes(const std::size_t size) {
        manifest_.volumes.reserve(size);
        numbers_.reserve(size);
    }

    /// Takes the volume in, or says what is wrong with it.
    template<typename Read>
    void add(const std::size_t number, const Read& read) {
        try {
            Volume volume = read();
            taken_.add(volume, number);
            manifest_.volumes.push_back(std::move(volume));
            numbers_.push_back(number);
        } catch (const Error& error) {
            manifest_.problems.push_back(error);
        }
    }

    /// All of them, but those that no order could start.
    [[nodiscard]] Manifest finished() && {
        const std::vector<OrderCircle> circles = find_order_circles(manifest_.volumes);
        if (circles.empty()) {
            return std::move(manifest_);
        }
        std::vector<bool> is_out(manifest_.volumes.size(), false);
        for (const OrderCircle& circle : circles) {
            manifest_.problems.push_back(error_about(circle, numbers_[circle.volume]));
            is_out[circle.volume] = true;
        }
        std::vector<Volume> all = std::exchange(manifest_.volumes, {});
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (!is_out[i]) {
                manifest_.volumes.push_back(std::move(all[i]));
            }
        }
        return std::move(manifest_);
    }

  private:
    Manifest manifest_;
    std::vector<std::size_t> numbers_; ///< their places in the document
    Taken taken_;
};

Manifest read_document(const Json& json) {
    ObjectReader reader{json, ""};
    const std::int64_t version = reader.integer("version");
    if (version != file_version) {
        reader.fail("version", formatted("{} is not known to this sealmount: write 1", version));
    }
    static_cast<void>(reader.optional_string("$schema"));
    const Json& volumes = reader.array("volumes");
    reader.finish();
    ManifestVolumes read{volumes.size()};
    for (std::size_t i = 0; i < volumes.size(); ++i) {
        read.add(i, [&] { return read_volume(volumes[i], path_of_volume(i)); });
    }
    return std::move(read).finished();
}

/// The volumes of a document that says nothing unusual beside them; nothing when it has to be read as a whole
/// to know what it says, or what is wrong with it.
std::optional<Manifest> read_volume_by_volume(const std::string_view text) {
    std::optional<std::vector<VolumeText>> volumes = volumes_of_plain_document(text);
    if (!volumes) {
        return std::nullopt;
    }
    ManifestVolumes read{volumes->size()};
    for (std::size_t i = 0; i < volumes->size(); ++i) {
        VolumeText& volume = (*volumes)[i];
        if (volume.plain) {
            read.add(i, [&] { return std::move(*volume.plain); });
            continue;
        }
        Json json;
        try {
            json = parse_json(volume.text);
        } catch (const Error&) {
            return std::nullopt;
        }
        read.add(i, [&] { return read_volume(json, path_of_volume(i)); });
    }
    return std::move(read).finished();
}

/// The document, in which every volume is acceptable.
Json read_whole(const std::string_view text) {
    if (text.empty()) {
        Json empty = Json::object();
        empty["version"] = file_version;
        empty["volumes"] = Json::array();
        return empty;
    }
    Json json = parse_json(text);
    const Manifest manifest = read_document(json);
    if (!manifest.problems.empty()) {
        throw Error{manifest.problems.front()};
    }
    return json;
}

Json volume_to_json(const Volume& volume) {
    const Volume defaults;
    Json json = Json::object();
    json["name"] = volume.name;
    json["lower"] = volume.lower;
    json["mountpoint"] = volume.mountpoint;
    json["signature"] = volume.signature;
    if (volume.filename_signature) {
        json["filename_signature"] = *volume.filename_signature;
    }
    json["cipher"] = volume.cipher;
    json["key_bytes"] = volume.key_bytes;
    if (volume.filename_signature && volume.filename_cipher != volume.cipher) {
        json["filename_cipher"] = volume.filename_cipher;
    }
    if (volume.filename_signature && volume.filename_key_bytes != volume.key_bytes) {
        json["filename_key_bytes"] = volume.filename_key_bytes;
    }
    if (volume.salt) {
        json["salt"] = *volume.salt;
    }
    const auto put_unless_default = [&](const char* const member, const auto& value, const auto& usual) {
        if (value != usual) {
            json[member] = value;
        }
    };
    put_unless_default("master", volume.master, defaults.master);
    if (volume.form == FormChoice::trusted) {
        json["form"] = "trusted";
    }
    put_unless_default("options", volume.options, defaults.options);
    put_unless_default("nofail", volume.nofail, defaults.nofail);
    put_unless_default("noauto", volume.noauto, defaults.noauto);
    put_unless_default("headless", volume.headless, defaults.headless);
    put_unless_default("no_passphrase", volume.no_passphrase, defaults.no_passphrase);
    put_unless_default("keep_keys", volume.keep_keys, defaults.keep_keys);
    put_unless_default("rebind_after_recovery", volume.rebind_after_recovery, defaults.rebind_after_recovery);
    put_unless_default("timeout_seconds", volume.timeout.count(), defaults.timeout.count());
    put_unless_default("required_by", volume.required_by, defaults.required_by);
    put_unless_default("before", volume.before, defaults.before);
    put_unless_default("requires", volume.needs, defaults.needs);
    put_unless_default("automount", volume.automount, defaults.automount);
    if (volume.idle_timeout) {
        json["idle_timeout_seconds"] = volume.idle_timeout->count();
    }
    if (volume.ground) {
        json["ground"] = ground_to_json(*volume.ground);
    }
    return json;
}

std::string to_text(const Json& json) {
    return json.dump(2) + "\n";
}

[[noreturn]] void throw_no_such_volume(const std::string_view name) {
    throw Error{Reason::no_input, "the manifest has no volume " + in_quotes(name)};
}

/// The volume's place in the list; throws Error{no_input} when there is none of that name.
Json::iterator entry_of(Json& volumes, const std::string_view name) {
    const auto found = std::ranges::find_if(
        volumes, [&](const Json& volume) { return volume["name"] == Json(std::string{name}); });
    if (found == volumes.end()) {
        throw_no_such_volume(name);
    }
    return found;
}

/// The grounds of volumes of the list, by name. In one pass, however many there are.
void put_grounds(Json& volumes, std::map<std::string, Ground> grounds) {
    if (grounds.empty()) {
        return;
    }
    for (Json& volume : volumes) {
        if (const auto found = grounds.extract(volume["name"].get<std::string>())) {
            volume["ground"] = ground_to_json(found.mapped());
        }
    }
    if (!grounds.empty()) {
        throw_no_such_volume(grounds.begin()->first);
    }
}

} // namespace

Manifest read_manifest(const std::string_view text) {
    if (auto manifest = read_volume_by_volume(text)) {
        return std::move(*manifest);
    }
    return read_document(parse_json(text));
}

std::string manifest_with(const std::string_view text, const Volume& volume) {
    return manifest_with(text, std::vector{volume});
}

std::string manifest_with(const std::string_view text, const std::vector<Volume>& added,
                          const std::map<std::string, Ground>& grounds) {
    Json json = read_whole(text);
    Taken taken;
    std::vector<Volume> all = read_document(json).volumes;
    for (const Volume& other : all) {
        taken.add(other, 0); // each is acceptable
    }
    Json& volumes = json["volumes"];
    for (const Volume& volume : added) {
        const std::size_t number = volumes.size();
        Json entry = volume_to_json(volume);
        all.push_back(read_volume(entry, path_of_volume(number)));
        taken.add(all.back(), number);
        volumes.push_back(std::move(entry));
    }
    if (const auto circles = find_order_circles(all); !circles.empty()) {
        throw error_about(circles.front(), circles.front().volume);
    }
    put_grounds(volumes, grounds);
    return to_text(json);
}

std::string manifest_without(const std::string_view text, const std::string_view name) {
    Json json = read_whole(text);
    json["volumes"].erase(entry_of(json["volumes"], name));
    return to_text(json);
}

std::string manifest_with_ground(const std::string_view text, const std::string_view name,
                                 const Ground& ground) {
    return manifest_with(text, {}, {{std::string{name}, ground}});
}

} // namespace sealmount
