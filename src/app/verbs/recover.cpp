// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/key_options.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "core/master/recovery_key.hpp"
#include "core/unlock/rescue.hpp"
#include "sys/prompt/secret_input.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

struct RecoverOptions {
    std::string name;
    std::string lower;
    std::string mountpoint;
    std::string passphrase_file;
    std::string recovery_key_file;
    std::string filename_passphrase_file;
    std::string salt;
    bool read_write = false;
};

void check_options(const RecoverOptions& options) {
    if (options.name.empty() && (options.lower.empty() || options.mountpoint.empty())) {
        throw Error{Reason::usage,
                    "give --lower DIR and --mountpoint DIR, or the NAME of a volume in etc/sealmount "
                    "below --root"};
    }
    if (options.name.empty() && !options.recovery_key_file.empty()) {
        throw Error{Reason::usage, "a recovery key opens what is in etc/sealmount below --root: give the "
                                   "volume's NAME"};
    }
    if (!options.recovery_key_file.empty() && !options.passphrase_file.empty()) {
        throw Error{Reason::usage, "--passphrase-file or --recovery-key-file: one of them is enough"};
    }
    if (!options.salt.empty()) {
        static_cast<void>(salt_of_option(options.salt));
    }
}

std::optional<SecretBytes> filename_passphrase(const RecoverOptions& options) {
    return options.filename_passphrase_file.empty()
               ? std::nullopt
               : std::optional{read_secret(options.filename_passphrase_file, longest_passphrase)};
}

/// From nothing but the files.
Rescued rescue_unknown(const RecoverOptions& options, const fs::path& lower, const SecretBytes& passphrase,
                       Prompt& prompt) {
    PassphraseMeans means;
    if (!options.salt.empty()) {
        means.salts = {salt_of_option(options.salt)};
    }
    means.filename_passphrase = filename_passphrase(options);
    means.ask_filename_passphrase = [&]() -> std::optional<SecretBytes> {
        auto answer = prompt.ask(formatted("Passphrase of the file names of {}: ", lower.native()),
                                 "sealmount:recover", std::chrono::seconds{0});
        return answer ? std::optional{std::move(*answer)} : std::nullopt;
    };
    return rescue_by_passphrase(lower, passphrase, std::move(means));
}

/// A passphrase or a recovery key: from its file, or typed.
SecretBytes secret_for(const RecoverOptions& options, Prompt& prompt) {
    const std::string& file =
        options.recovery_key_file.empty() ? options.passphrase_file : options.recovery_key_file;
    if (!file.empty()) {
        return read_secret(file, longest_recovery_key_text);
    }
    const std::string question =
        options.name.empty() ? formatted("Mount passphrase of {}: ", options.lower)
                             : formatted("Passphrase or recovery key of the volume {}: ", options.name);
    auto answer = prompt.ask(question, "sealmount:recover", std::chrono::seconds{0});
    if (!answer) {
        throw Error{Reason::usage,
                    formatted("no passphrase: {}; without a terminal, give --passphrase-file FILE or "
                              "--recovery-key-file FILE (- for standard input)",
                              describe(answer.error().kind))};
    }
    return std::move(*answer);
}

/// The two directories of the volume.
struct Place {
    fs::path lower;
    fs::path mountpoint;
};

fs::path existing_directory(const fs::path& directory) {
    if (!fs::is_directory(directory)) {
        throw Error{Reason::no_input,
                    formatted("{}: is not a directory, or does not exist", directory.native())};
    }
    return fs::canonical(directory);
}

/// As the options name them, otherwise the manifest.
Place place_of(const RecoverOptions& options, const Store& store) {
    Place place{.lower = options.lower, .mountpoint = options.mountpoint};
    if (!options.name.empty()) {
        const Volume volume = store.volume(options.name);
        place.lower = place.lower.empty() ? store.paths().below_root(volume.lower) : place.lower;
        place.mountpoint =
            place.mountpoint.empty() ? store.paths().below_root(volume.mountpoint) : place.mountpoint;
    }
    return {.lower = existing_directory(place.lower), .mountpoint = existing_directory(place.mountpoint)};
}

Rescued rescue(const RecoverOptions& options, const Store& store, const Place& place, Prompt& prompt) {
    const SecretBytes secret = secret_for(options, prompt);
    if (options.name.empty()) {
        return rescue_unknown(options, place.lower, secret, prompt);
    }
    const auto names = filename_passphrase(options);
    return rescue_from_backup(store, options.name, secret, names ? &*names : nullptr);
}

int run_recover(const RecoverOptions& options, const Globals& globals, const Machine& machine) {
    check_options(options);
    const Store store{globals.paths()};
    const Place place = place_of(options, store); // before anything is asked
    const Rescued rescued = rescue(options, store, place, machine.prompt);
    mount_rescued(machine.keyring, rescued, place.lower, place.mountpoint, !options.read_write);
    if (globals.json) {
        print_json({{"lower", place.lower.native()},
                    {"mountpoint", place.mountpoint.native()},
                    {"signature", rescued.volume.signature},
                    {"read_only", !options.read_write}});
    } else {
        print("{} is mounted on {}, {}. Its keys are no longer in the keyring; 'umount {}' ends it.\n",
              place.lower.native(), place.mountpoint.native(),
              options.read_write ? "read-write" : "read-only", place.mountpoint.native());
    }
    return 0;
}

} // namespace

Run declare_recover(Arguments& verb) {
    const auto options = std::make_shared<RecoverOptions>();
    verb.argument("NAME", options->name, "a volume of etc/sealmount below --root");
    verb.option("--lower", "DIR", options->lower, "the directory with the encrypted files");
    verb.option("--mountpoint", "DIR", options->mountpoint, "where to mount it");
    verb.option("--passphrase-file", "FILE", options->passphrase_file,
                "read the mount passphrase from FILE (- for standard input)");
    verb.option("--filename-passphrase-file", "FILE", options->filename_passphrase_file,
                "read the passphrase of the file names, where they have their own, from FILE");
    verb.option("--salt", "HEX", options->salt, "without NAME: the salt of the passphrase, 16 hex digits");
    verb.option("--recovery-key-file", "FILE", options->recovery_key_file,
                "with NAME: read the recovery key of its master key from FILE (- for standard input)");
    verb.flag("--read-write", options->read_write, "let the files be changed");
    return [options](const Globals& globals, const Machine& machine) {
        return run_recover(*options, globals, machine);
    };
}

} // namespace sealmount
