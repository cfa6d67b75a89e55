// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/enroll/import_run.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "core/import/dracut_import.hpp"
#include "core/import/dracut_keys.hpp"
#include "core/master/master_unlock.hpp"
#include "core/store/store.hpp"
#include "core/volume/volume_name.hpp"
#include "sys/files/files.hpp"
#include "sys/host/kernel_features.hpp"
#include "sys/prompt/secret_input.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace sealmount {

namespace {

constexpr const char* masterkey_settings = "/etc/sysconfig/masterkey";
constexpr const char* ecryptfs_settings = "/etc/sysconfig/ecryptfs";

struct DracutOptions {
    ImportOptions import;
    std::string name;
    std::string mountpoint;
    std::string masterkey;
    std::string masterkeytype;
    std::string ecryptfskey;
};

std::map<std::string, std::string> variables_in(const std::filesystem::path& file) {
    const auto text = read_trusted_file_if_exists(file);
    try {
        return text ? shell_variables(*text) : std::map<std::string, std::string>{};
    } catch (const Error& error) {
        throw error.in(file.string());
    }
}

/// What the machine says, and after it what the person says.
DracutSettings settings_of(const DracutOptions& options, const Paths& paths) {
    DracutSettings settings{.masterkey = variables_in(paths.below_root(masterkey_settings)),
                            .ecryptfs = variables_in(paths.below_root(ecryptfs_settings)),
                            .command_line = {},
                            .kernel_release = kernel_release()};
    if (const auto line = read_trusted_file_if_exists(paths.below_root("/proc/cmdline"))) {
        settings.command_line = *line;
    }
    if (!options.masterkey.empty()) {
        settings.command_line += formatted(" masterkey={}", options.masterkey);
    }
    if (!options.masterkeytype.empty()) {
        settings.command_line += formatted(" masterkeytype={}", options.masterkeytype);
    }
    if (!options.ecryptfskey.empty()) {
        settings.command_line += formatted(" ecryptfskey={}", options.ecryptfskey);
    }
    return settings;
}

class DracutImporter {
  public:
    DracutImporter(const DracutOptions& options, const Globals& globals, const Machine& machine)
        : options_(options), globals_(globals), machine_(machine),
          setup_(dracut_setup(settings_of(options, globals.paths()))),
          run_(options.import, globals, machine, "") {
        Volume& wanted = setup_.request.volume;
        if (!options.mountpoint.empty()) {
            wanted.mountpoint = options.mountpoint;
        }
        const Manifest manifest = Store{globals.paths()}.manifest();
        wanted.name = volume_name_for(wanted.mountpoint, names_in(manifest));
        keep_name(wanted, manifest);
        if (!options.name.empty()) {
            wanted.name = options.name;
        }
        check_there(setup_.master_file, "--masterkey");
        check_there(setup_.key_file, "--ecryptfskey");
    }

    int run() {
        if (!globals_.json) {
            print_setup();
        }
        if (run_.begin(1)) {
            EnrollOptions options = run_.options_for(setup_.request);
            options.keys.elsewhere = [this] { return keys(); };
            if (run_.enroll(options, "") && !globals_.json) {
                print_what_next();
            }
        }
        return run_.end("volumes", Json::array({volume_json()}));
    }

  private:
    void check_there(const std::string& file, const char* const option) const {
        const auto there = globals_.paths().below_root(file);
        if (!std::filesystem::exists(there)) {
            throw Error{Reason::no_input, formatted("{} is not there, so dracut has no key to load: if it "
                                                    "lies elsewhere, name it with {} FILE",
                                                    there.string(), option)};
        }
    }

    [[nodiscard]] std::unique_ptr<KeySource> keys() const {
        const std::string master_file = globals_.paths().below_root(setup_.master_file).string();
        const std::string key_file = globals_.paths().below_root(setup_.key_file).string();
        constexpr std::size_t longest_blob = 4096;
        const SecretBytes blob = read_secret(master_file, longest_blob);
        const SecretBytes text = read_secret(key_file, longest_blob);
        const SecretBytes master = setup_.master_type == "user" ? blob.clone() : unsealed(master_file, blob);
        try {
            return dracut_keys(text_of(text), master);
        } catch (const Error& error) {
            throw error.in(key_file);
        }
    }

    [[nodiscard]] SecretBytes unsealed(const std::string& file, const SecretBytes& blob) const {
        const auto tpm = open_managed_tpm(machine_.tpm, machine_.backoff);
        try {
            return open_trusted_blob(*tpm, text_of(blob), srk_pins(Store{globals_.paths()}));
        } catch (const Error& error) {
            throw error.in(file);
        }
    }

    static std::string text_of(const SecretBytes& bytes) {
        return {reinterpret_cast<const char*>(bytes.bytes().data()), bytes.size()};
    }

    void print_setup() const {
        const Volume& wanted = setup_.request.volume;
        print("{}: {} on {}\n", wanted.name, wanted.lower, wanted.mountpoint);
        print("  master key {} ({})\n", setup_.master_file, setup_.master_type);
        print("  key        {}\n", setup_.key_file);
        print_options(wanted, setup_.dropped);
        if (wanted.lower == wanted.mountpoint) {
            print(
                "  warning    while it is not mounted, what programs write there is stored unencrypted among "
                "the encrypted files: --mountpoint names another place\n");
        }
    }

    [[nodiscard]] Json volume_json() const {
        const Volume& wanted = setup_.request.volume;
        return {{"name", wanted.name},
                {"lower", wanted.lower},
                {"mountpoint", wanted.mountpoint},
                {"master_type", setup_.master_type},
                {"master_file", setup_.master_file},
                {"key_file", setup_.key_file},
                {"options", wanted.options},
                {"dropped", setup_.dropped}};
    }

    void print_what_next() const {
        print("dracut's setup is still in place, and mounts the volume in the initrd, before its unit could. "
              "When you have seen the volume open, rebuild the initrd without the modules masterkey and "
              "ecryptfs ('omit_dracutmodules' in dracut.conf(5)).\n");
        if (setup_.master_type == "trusted") {
            print("Until then do not seal to PCR 11: dracut writes a random value there at each boot.\n");
        }
        print("No key file was removed: {} and {} open the volume without any policy. Delete them when a "
              "recovery key is kept elsewhere.\n",
              setup_.master_file, setup_.key_file);
    }

    const DracutOptions& options_;
    const Globals& globals_;
    const Machine& machine_;
    DracutSetup setup_;
    ImportRun run_;
};

} // namespace

Run declare_import_dracut(Arguments& verb) {
    const auto options = std::make_shared<DracutOptions>();
    verb.argument("NAME", options->name, "the volume's name (default: derived from the mount point)");
    verb.option("--mountpoint", "DIR", options->mountpoint, "mount it on DIR instead of where dracut did");
    verb.option("--masterkey", "FILE", options->masterkey,
                "the file with the master key, as in the kernel argument of this name");
    verb.option("--masterkeytype", "TYPE", options->masterkeytype, "the master key's type: trusted or user");
    verb.option("--ecryptfskey", "FILE", options->ecryptfskey, "the file with the encrypted key");
    add_import_options(verb, options->import, "");
    return [options](const Globals& globals, const Machine& machine) {
        return DracutImporter{*options, globals, machine}.run();
    };
}

} // namespace sealmount
