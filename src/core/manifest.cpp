// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/manifest.hpp"

#include "base/hex.hpp"
#include "base/strict_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

namespace sealmount {

namespace {

constexpr std::int64_t file_version = 1;
constexpr std::int64_t longest_timeout = 86400;

using Complaint = std::optional<std::string>;

/// A cipher and the key sizes that both the kernel and the file format have for it; 0 pads the list.
struct Cipher {
    std::string_view name;
    std::array<std::int64_t, 3> key_bytes;
    std::string_view sizes; ///< the same for people
};

constexpr std::array ciphers = {
    Cipher{"aes", {16, 24, 32}, "16, 24 or 32"},
    Cipher{"blowfish", {16, 32, 56}, "16, 32 or 56"},
    Cipher{"des3_ede", {24}, "24"},
    Cipher{"twofish", {16, 24, 32}, "16, 24 or 32"},
    Cipher{"cast6", {16, 24, 32}, "16, 24 or 32"},
    Cipher{"cast5", {16}, "16"},
};

/// Options that the mount unit gets from elsewhere, or that must not be there. `text` ending in = or . is a
/// beginning.
struct ReservedOption {
    std::string_view text;
    std::string_view mend;
};

constexpr std::array reserved_options = {
    ReservedOption{"sig=", "use the member \"signature\""},
    ReservedOption{"ecryptfs_sig=", "use the member \"signature\""},
    ReservedOption{"ecryptfs_fnek_sig=", "use the member \"filename_signature\""},
    ReservedOption{"cipher=", "use the member \"cipher\""},
    ReservedOption{"ecryptfs_cipher=", "use the member \"cipher\""},
    ReservedOption{"ecryptfs_key_bytes=", "use the member \"key_bytes\""},
    ReservedOption{"ecryptfs_fn_cipher=", "use the member \"filename_cipher\""},
    ReservedOption{"ecryptfs_fn_key_bytes=", "use the member \"filename_key_bytes\""},
    ReservedOption{"key=", "take it out, the keys come from the TPM"},
    ReservedOption{"verbosity=", "take it out, sealmount sets it where it is needed"},
    ReservedOption{"no_prompt", "take it out, nothing asks at mount time"},
    ReservedOption{"nofail", "use the member \"nofail\""},
    ReservedOption{"noauto", "use the member \"noauto\""},
    ReservedOption{"auto", "use the member \"noauto\""},
    ReservedOption{"x-systemd.", "put it into a drop-in of the mount unit"},
    ReservedOption{"_netdev", "put the dependency into a drop-in of the mount unit"},
};

/// Flags of eCryptfs that say how files are stored, and so are the owner's to choose.
constexpr std::array<std::string_view, 2> allowed_flags = {"ecryptfs_xattr_metadata", "ecryptfs_passthrough"};

void check(const ObjectReader& reader, const std::string_view member, const Complaint& complaint) {
    if (complaint) {
        reader.fail(member, *complaint);
    }
}

std::string in_quotes(const std::string_view text) {
    return Json(std::string{text}).dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_control(const char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

bool is_utf8(const std::string_view text) {
    try {
        static_cast<void>(Json(std::string{text}).dump());
        return true;
    } catch (const Json::type_error&) {
        return false;
    }
}

/// U+FDD0 to U+FDEF and the last two code points of each plane, which Unicode keeps from being characters:
/// systemd passes over a whole line that holds one, as "not UTF-8 clean". `text` is UTF-8.
bool has_noncharacter(const std::string_view text) {
    const auto byte = [&](const std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool in_block =
            byte(i) == 0xef && byte(i + 1) == 0xb7 && byte(i + 2) >= 0x90 && byte(i + 2) <= 0xaf;
        const bool ends_first_plane = byte(i) == 0xef && byte(i + 1) == 0xbf && byte(i + 2) >= 0xbe;
        const bool ends_plane =
            byte(i) >= 0xf0 && (byte(i + 1) & 0x0fU) == 0x0f && byte(i + 2) == 0xbf && byte(i + 3) >= 0xbe;
        if (in_block || ends_first_plane || ends_plane) {
            return true;
        }
    }
    return false;
}

unsigned read_key_bytes(const ObjectReader& reader, const std::string_view cipher,
                        const std::string_view cipher_member, const std::int64_t key_bytes,
                        const std::string_view member) {
    const bool is_known = std::ranges::find(ciphers, cipher, &Cipher::name) != ciphers.end();
    check(reader, is_known ? member : cipher_member, complaint_about_cipher(cipher, key_bytes));
    return static_cast<unsigned>(key_bytes);
}

void read_filename_members(ObjectReader& reader, Volume& volume) {
    volume.filename_signature = reader.optional_string("filename_signature");
    const auto cipher = reader.optional_string("filename_cipher");
    const auto key_bytes = reader.optional_integer("filename_key_bytes");
    volume.filename_cipher = cipher.value_or(volume.cipher);
    if (!volume.filename_signature) {
        constexpr std::string_view alone =
            "means something only with \"filename_signature\": add that member, or take this one out";
        check(reader, "filename_cipher", cipher ? Complaint{alone} : std::nullopt);
        check(reader, "filename_key_bytes", key_bytes ? Complaint{alone} : std::nullopt);
        volume.filename_key_bytes = volume.key_bytes;
        return;
    }
    check(reader, "filename_signature", complaint_about_signature(*volume.filename_signature));
    volume.filename_key_bytes = read_key_bytes(reader, volume.filename_cipher, "filename_cipher",
                                               key_bytes.value_or(volume.key_bytes), "filename_key_bytes");
}

void read_options(ObjectReader& reader, Volume& volume) {
    volume.options = reader.optional_strings("options");
    for (std::size_t i = 0; i < volume.options.size(); ++i) {
        check(reader, "options[" + std::to_string(i) + "]", complaint_about_option(volume.options[i]));
    }
}

/// eCryptfs would hide its own lower directory below the mount.
Complaint complaint_about_nesting(const Volume& volume) {
    if (!volume.lower.starts_with(volume.mountpoint + "/")) {
        return std::nullopt;
    }
    return in_quotes(volume.lower) + " lies below the mount point, which would hide it: move it elsewhere";
}

Volume read_volume(const Json& json, const std::string& path) {
    ObjectReader reader{json, path};
    Volume volume;
    volume.name = reader.string("name");
    check(reader, "name", complaint_about_name(volume.name));
    volume.lower = reader.string("lower");
    check(reader, "lower", complaint_about_path(volume.lower));
    volume.mountpoint = reader.string("mountpoint");
    check(reader, "mountpoint", complaint_about_path(volume.mountpoint));
    check(reader, "lower", complaint_about_nesting(volume));
    volume.signature = reader.string("signature");
    check(reader, "signature", complaint_about_signature(volume.signature));
    volume.cipher = reader.optional_string("cipher").value_or(volume.cipher);
    volume.key_bytes =
        read_key_bytes(reader, volume.cipher, "cipher", reader.integer("key_bytes"), "key_bytes");
    read_filename_members(reader, volume);
    volume.master = reader.optional_string("master").value_or(volume.master);
    check(reader, "master", complaint_about_name(volume.master));
    if (const auto form = reader.optional_string("form")) {
        if (*form != "auto" && *form != "trusted") {
            reader.fail("form", in_quotes(*form) + " is not known: write \"auto\" or \"trusted\"");
        }
        volume.form = *form == "trusted" ? FormChoice::trusted : FormChoice::any;
    }
    read_options(reader, volume);
    volume.nofail = reader.optional_boolean("nofail").value_or(volume.nofail);
    volume.noauto = reader.optional_boolean("noauto").value_or(volume.noauto);
    volume.headless = reader.optional_boolean("headless").value_or(volume.headless);
    const std::int64_t timeout = reader.optional_integer("timeout_seconds").value_or(volume.timeout.count());
    if (timeout < 1 || timeout > longest_timeout) {
        reader.fail("timeout_seconds", std::to_string(timeout) + " is out of range: write 1 to 86400");
    }
    volume.timeout = std::chrono::seconds{timeout};
    reader.finish();
    return volume;
}

/// One volume never takes the name or the place of another.
class Taken {
  public:
    /// Throws when the volume's name or mount point is another's; else remembers both.
    void add(const Volume& volume, const std::string& path) {
        if (names_.contains(volume.name)) {
            throw Error{Reason::config, path + ".name: " + in_quotes(volume.name) +
                                            " is the name of another volume already: choose another name"};
        }
        const auto [place, is_new] = mountpoints_.try_emplace(volume.mountpoint, volume.name);
        if (!is_new) {
            throw Error{Reason::config, path + ".mountpoint: " + in_quotes(volume.mountpoint) +
                                            " is the mount point of volume " + in_quotes(place->second) +
                                            " already: choose another directory"};
        }
        names_.insert(volume.name);
    }

  private:
    std::unordered_set<std::string> names_;
    std::unordered_map<std::string, std::string> mountpoints_; ///< and the volume's name
};

Manifest read_document(const Json& json) {
    ObjectReader reader{json, ""};
    const std::int64_t version = reader.integer("version");
    if (version != file_version) {
        reader.fail("version", std::to_string(version) + " is not known to this sealmount: write 1");
    }
    static_cast<void>(reader.optional_string("$schema"));
    const Json& volumes = reader.array("volumes");
    reader.finish();
    Manifest manifest;
    manifest.volumes.reserve(volumes.size());
    Taken taken;
    for (std::size_t i = 0; i < volumes.size(); ++i) {
        const std::string path = "volumes[" + std::to_string(i) + "]";
        try {
            Volume volume = read_volume(volumes[i], path);
            taken.add(volume, path);
            manifest.volumes.push_back(std::move(volume));
        } catch (const Error& error) {
            manifest.problems.push_back(error);
        }
    }
    return manifest;
}

/// The document, of which every volume is good.
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
        throw manifest.problems.front();
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
    put_unless_default("timeout_seconds", volume.timeout.count(), defaults.timeout.count());
    return json;
}

std::string to_text(const Json& json) {
    return json.dump(2) + "\n";
}

} // namespace

std::vector<std::string> Volume::signatures() const {
    std::vector<std::string> all = {signature};
    if (filename_signature && *filename_signature != signature) {
        all.push_back(*filename_signature);
    }
    return all;
}

const Volume* Manifest::find(const std::string_view name) const {
    const auto found = std::ranges::find(volumes, name, &Volume::name);
    return found == volumes.end() ? nullptr : &*found;
}

Manifest read_manifest(const std::string_view text) {
    return read_document(parse_json(text));
}

std::string manifest_with(const std::string_view text, const Volume& volume) {
    Json json = read_whole(text);
    Json& volumes = json["volumes"];
    const std::string path = "volumes[" + std::to_string(volumes.size()) + "]";
    Json added = volume_to_json(volume);
    Taken taken;
    for (const Volume& other : read_document(json).volumes) {
        taken.add(other, path);
    }
    taken.add(read_volume(added, path), path);
    volumes.push_back(std::move(added));
    return to_text(json);
}

std::string manifest_without(const std::string_view text, const std::string_view name) {
    Json json = read_whole(text);
    Json& volumes = json["volumes"];
    const auto found = std::ranges::find_if(
        volumes, [&](const Json& volume) { return volume["name"] == Json(std::string{name}); });
    if (found == volumes.end()) {
        throw Error{Reason::no_input, "the manifest has no volume " + in_quotes(name)};
    }
    volumes.erase(found);
    return to_text(json);
}

Complaint complaint_about_name(const std::string_view name) {
    const auto is_plain = [](const char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    const bool is_good = !name.empty() && name.size() <= 64 && is_plain(name.front()) &&
                         std::ranges::all_of(name, [&](const char c) {
                             return is_plain(c) || c == '.' || c == '_' || c == '-';
                         });
    if (is_good) {
        return std::nullopt;
    }
    return in_quotes(name) +
           " is not a name: write 1 to 64 of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a "
           "letter or digit";
}

Complaint complaint_about_path(const std::string_view path) {
    const auto complain = [&](const std::string& why) { return Complaint{in_quotes(path) + " " + why}; };
    if (!path.starts_with('/')) {
        return complain("is not absolute: write the whole path, beginning with /");
    }
    if (path == "/") {
        return complain("is the root directory: name a directory below it");
    }
    if (path.size() > 4095) {
        return "the path is longer than the 4095 bytes that Linux allows: choose a shorter one";
    }
    if (!is_utf8(path) || std::ranges::any_of(path, is_control)) {
        return complain("contains control characters or is not UTF-8: rename the directory");
    }
    if (has_noncharacter(path)) {
        return complain(
            "contains a code point that is no character, which systemd unit files cannot express: "
            "rename the directory");
    }
    if (path.ends_with('/')) {
        return complain("ends with a slash: leave it out");
    }
    if (path.ends_with('\\') || path.ends_with(' ')) {
        return complain(
            "ends with a backslash or white space, which systemd unit files cannot express: rename the "
            "directory");
    }
    for (std::size_t start = 1; start <= path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        const std::string_view component = path.substr(start, end - start);
        if (component.empty() || component == "." || component == "..") {
            return complain("contains an empty, \".\" or \"..\" component: write the path without it");
        }
        start = end + 1;
    }
    return std::nullopt;
}

Complaint complaint_about_signature(const std::string_view signature) {
    if (is_lower_hex(signature, 16)) {
        return std::nullopt;
    }
    return in_quotes(signature) + " is not a signature: write the 16 lower-case hex digits";
}

Complaint complaint_about_cipher(const std::string_view cipher, const std::int64_t key_bytes) {
    const auto* const found = std::ranges::find(ciphers, cipher, &Cipher::name);
    if (found == ciphers.end()) {
        return in_quotes(cipher) +
               " is not a cipher of eCryptfs: write aes, blowfish, des3_ede, twofish, cast6 or cast5";
    }
    if (key_bytes > 0 && std::ranges::find(found->key_bytes, key_bytes) != found->key_bytes.end()) {
        return std::nullopt;
    }
    return std::to_string(key_bytes) + " is not a key size of " + std::string{cipher} + ": write " +
           std::string{found->sizes};
}

Complaint complaint_about_option(const std::string_view option) {
    const auto complain = [&](const std::string_view why) {
        return Complaint{in_quotes(option) + " " + std::string{why}};
    };
    if (option.empty()) {
        return complain("is empty: take it out");
    }
    const auto breaks_list = [](const char c) {
        return is_control(c) || std::string_view{" ,\\\"'"}.find(c) != std::string_view::npos;
    };
    if (!is_utf8(option) || std::ranges::any_of(option, breaks_list)) {
        return complain(
            "contains a comma, white space, a quote, a backslash or a control character: write each option "
            "as a string of its own");
    }
    if (has_noncharacter(option)) {
        return complain(
            "contains a code point that is no character, which systemd unit files cannot express: "
            "take it out");
    }
    for (const auto& [text, mend] : reserved_options) {
        const bool is_beginning = text.ends_with('=') || text.ends_with('.');
        if (is_beginning ? option.starts_with(text) : option == text) {
            return complain("belongs to sealmount: " + std::string{mend});
        }
    }
    if (option.starts_with("ecryptfs_") && std::ranges::find(allowed_flags, option) == allowed_flags.end()) {
        return complain("belongs to sealmount: of the options of eCryptfs only ecryptfs_xattr_metadata and "
                        "ecryptfs_passthrough may stand here");
    }
    return std::nullopt;
}

} // namespace sealmount
