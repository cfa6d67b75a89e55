// Fuzz target: any bytes as GRUB's files: a configuration, behind lines "=== PATH" other files of the root
// device, and the whole as an image of GRUB, and as the disk of one. What must hold: no crash and no endless
// loop, nothing is thrown but what reading an image throws, two runs say the same, events are of PCR 8 and 9
// and have a place, and either something starts or it is said why it is not known.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "core/grub/environment_block.hpp"
#include "core/grub/fat_disk.hpp"
#include "core/grub/grub_image.hpp"
#include "core/grub/grub_states.hpp"
#include "core/grub/squash_disk.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <cstdlib>

using namespace sealmount;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

class InputMachine final : public GrubMachine {
  public:
    explicit InputMachine(std::string_view text) {
        std::string path = "/boot/grub/grub.cfg";
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            const std::string_view line = text.substr(0, end);
            text.remove_prefix(std::min(end + 1, text.size()));
            constexpr std::string_view mark = "=== /";
            if (line.starts_with(mark)) {
                path = line.substr(mark.size() - 1);
            } else {
                files[path].append(line).append("\n");
            }
        }
        files["/vmlinuz"] = "kernel";
        files["/initrd"] = "initrd";
    }

    [[nodiscard]] std::vector<GrubDevice> devices() const override {
        return {{.name = "hd0,gpt1", .uuid = "1-2", .label = "esp"},
                {.name = "hd0,gpt2", .uuid = "ab", .label = "root"}};
    }
    [[nodiscard]] GrubFileKind kind(const GrubFile& file) const override {
        if (file.device == "hd0,gpt2" && files.contains(file.path)) {
            return GrubFileKind::file;
        }
        return std::ranges::any_of(files,
                                   [&](const auto& one) { return one.first.starts_with(file.path + "/"); })
                   ? GrubFileKind::directory
                   : GrubFileKind::missing;
    }
    [[nodiscard]] std::string read(const GrubFile& file) const override { return files.at(file.path); }
    [[nodiscard]] GrubNames names(const GrubFile& directory) const override {
        GrubNames found{.names = {}, .in_disk_order = true};
        for (const auto& [path, content] : files) {
            if (path.starts_with(directory.path + "/")) {
                found.names.push_back(path.substr(directory.path.size() + 1));
            }
        }
        return found;
    }
    [[nodiscard]] Bytes digest(const std::vector<GrubFile>& list, const PcrBank bank) const override {
        std::string joined;
        for (const GrubFile& file : list) {
            joined += files.at(file.path);
        }
        return sealmount::digest(bank, {as_bytes(joined)});
    }

    std::map<std::string, std::string> files;
};

GrubStart fuzz_start() {
    GrubStart start;
    start.prefix = "(hd0,gpt2)/boot/grub";
    start.root = "hd0,gpt2";
    start.modules = {"blscfg",    "configfile",      "echo",           "efifwsetup",
                     "font",      "gettext",         "gfxterm",        "gfxterm_background",
                     "increment", "linux",           "linuxefi",       "loadenv",
                     "normal",    "password_pbkdf2", "probe",          "regexp",
                     "search",    "search_fs_file",  "search_fs_uuid", "search_label",
                     "sleep",     "terminal",        "test",           "tpm",
                     "true",      "chain",           "boot",           "minicmd"};
    start.stub_measures = true;
    return start;
}

void look_at_boot(const GrubBoot& boot, const GrubMachine& machine) {
    require(boot.kernel.has_value() || boot.unknown.contains(grub_command_pcr));
    for (const GrubEvent& event : boot.events) {
        require(event.pcr == grub_command_pcr || event.pcr == grub_file_pcr);
        require(!to_string(event.place).empty());
        require(digest(event, machine, PcrBank::sha256).size() == 32);
    }
    for (const auto& [file, block] : boot.written) {
        require(is_environment_block(block));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try {
        if (const auto image = read_grub_image(as_bytes(text))) {
            (void)start_of(*image, "hd0,gpt1", "/EFI/x", true);
        }
    } catch (const Error& error) {
        require(error.reason() == Reason::bad_data);
    }
    (void)fat_files(as_bytes(text));
    (void)squash_names(as_bytes(text));
    const InputMachine machine{text};
    const GrubStart start = fuzz_start();
    const auto states = grub_states(start, machine, 3);
    for (const GrubState& state : states) {
        look_at_boot(state.boot, machine);
    }
    const GrubBoot again = run_grub(start, machine);
    require(again.events.size() == states.front().boot.events.size());
    return 0;
}
