// A machine for GRUB's interpreter, in memory, and what tests say about the events that come out.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/text.hpp"
#include "core/grub/grub_boot.hpp"
#include "sys/tpm/digest.hpp"

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace sealmount::test {

inline const std::string grub_root_uuid = "4f1b2c3d-1111-4222-8333-abcdefabcdef";

/// An EFI system partition and a root file system.
class FakeGrubMachine final : public GrubMachine {
  public:
    [[nodiscard]] std::vector<GrubDevice> devices() const override { return file_systems; }

    [[nodiscard]] GrubFileKind kind(const GrubFile& file) const override {
        if (files.contains(file) || digests.contains(file)) {
            return GrubFileKind::file;
        }
        for (const auto& [other, content] : files) {
            if (other.device == file.device && other.path.starts_with(file.path + "/")) {
                return GrubFileKind::directory;
            }
        }
        return GrubFileKind::missing;
    }

    [[nodiscard]] std::string read(const GrubFile& file) const override { return files.at(file); }

    [[nodiscard]] GrubNames names(const GrubFile& directory) const override {
        GrubNames found{.names = {}, .in_disk_order = in_disk_order};
        for (const auto& [file, content] : files) {
            if (file.device == directory.device && file.path.starts_with(directory.path + "/")) {
                found.names.push_back(file.path.substr(directory.path.size() + 1));
            }
        }
        return found;
    }

    [[nodiscard]] Bytes digest(const std::vector<GrubFile>& list, const PcrBank bank) const override {
        if (list.size() == 1 && digests.contains(list.front())) {
            return digests.at(list.front());
        }
        std::string joined;
        for (const GrubFile& file : list) {
            joined.resize((joined.size() + 3) / 4 * 4);
            joined += files.at(file);
        }
        return sealmount::digest(bank, {as_bytes(joined)});
    }

    void add(const std::string& device, const std::string& path, std::string content) {
        files[{.device = device, .path = path}] = std::move(content);
    }

    std::vector<GrubDevice> file_systems = {
        {.name = "hd0,gpt1", .uuid = "1A2B-3C4D", .label = "ESP"},
        {.name = "hd0,gpt2", .uuid = grub_root_uuid, .label = "root"},
    };
    std::map<GrubFile, std::string> files;
    std::map<GrubFile, Bytes> digests; ///< of files whose content is not there
    bool in_disk_order = true;
};

/// A block with these lines, padded as grub-editenv pads it.
inline std::string environment_block(const std::string& lines) {
    std::string block = "# GRUB Environment Block\n" + lines;
    block.resize(1024, '#');
    return block;
}

/// Debian's signed image, as its list of modules has it (debian/build-efi-images), as far as scripts use it.
inline GrubStart debian_start() {
    GrubStart start;
    start.prefix = "(hd0,gpt1)/EFI/debian";
    start.root = "hd0,gpt1";
    start.cmdpath = "(hd0,gpt1)/EFI/debian";
    start.modules = {"all_video",
                     "boot",
                     "cat",
                     "chain",
                     "configfile",
                     "cpuid",
                     "cryptodisk",
                     "echo",
                     "efifwsetup",
                     "ext2",
                     "fat",
                     "font",
                     "gettext",
                     "gfxmenu",
                     "gfxterm",
                     "gfxterm_background",
                     "gzio",
                     "halt",
                     "help",
                     "jpeg",
                     "keystatus",
                     "linux",
                     "linuxefi",
                     "loadenv",
                     "loopback",
                     "ls",
                     "minicmd",
                     "normal",
                     "part_gpt",
                     "part_msdos",
                     "password_pbkdf2",
                     "play",
                     "png",
                     "probe",
                     "reboot",
                     "regexp",
                     "search",
                     "search_fs_file",
                     "search_fs_uuid",
                     "search_label",
                     "serial",
                     "sleep",
                     "smbios",
                     "terminal",
                     "test",
                     "tpm",
                     "true",
                     "video"};
    start.memdisk = {{"/grub.cfg", "if [ -z \"$prefix\" -o ! -e \"$prefix\" ]; then\n"
                                   "\tif ! search --file --set=root /.disk/info; then\n"
                                   "\t\tsearch --file --set=root /.disk/mini-info\n"
                                   "\tfi\n"
                                   "\tset prefix=($root)/boot/grub\n"
                                   "fi\n"
                                   "if [ -e $prefix/x86_64-efi/grub.cfg ]; then\n"
                                   "\tsource $prefix/x86_64-efi/grub.cfg\n"
                                   "elif [ -e $prefix/grub.cfg ]; then\n"
                                   "\tsource $prefix/grub.cfg\n"
                                   "else\n"
                                   "\tsource $cmdpath/grub.cfg\n"
                                   "fi\n"},
                     {"/fonts/unicode.pf2", ""}};
    start.configuration = "(memdisk)/grub.cfg";
    start.secure_boot = true;
    start.variables = {{"lockdown", "y"}, {"shim_lock", "y"}};
    return start;
}

/// What a test's script starts from: nothing but the script, on the root file system.
inline GrubStart plain_start() {
    GrubStart start = debian_start();
    start.prefix = "(hd0,gpt2)/boot/grub";
    start.root = "hd0,gpt2";
    start.configuration.reset();
    start.secure_boot = false;
    start.variables.clear();
    return start;
}

/// The log's texts of one PCR.
inline std::vector<std::string> texts_of(const GrubBoot& boot, const unsigned pcr) {
    std::vector<std::string> texts;
    for (const GrubEvent& event : boot.events) {
        if (event.pcr == pcr) {
            texts.push_back(log_text(event));
        }
    }
    return texts;
}

/// Why that PCR is not known; "" when it is.
inline std::string unknown_of(const GrubBoot& boot, const unsigned pcr) {
    const auto found = boot.unknown.find(pcr);
    return found == boot.unknown.end() ? "" : found->second.reason;
}

/// The commands of a script that runs by itself, without "grub_cmd: ".
class GrubScriptRun {
  public:
    explicit GrubScriptRun(const std::string& script, const GrubStart& start = plain_start()) {
        machine.add("hd0,gpt2", "/boot/vmlinuz", "kernel");
        machine.add("hd0,gpt2", "/boot/initrd", "initrd");
        machine.add("hd0,gpt2", "/boot/early", "early!");
        machine.add("hd0,gpt2", "/boot/grub/grub.cfg", script);
        boot = run_grub(start, machine);
    }

    [[nodiscard]] std::vector<std::string> commands() const {
        std::vector<std::string> commands;
        for (const GrubEvent& event : boot.events) {
            if (event.kind == GrubEventKind::command) {
                commands.push_back(event.text);
            }
        }
        return commands;
    }

    FakeGrubMachine machine;
    GrubBoot boot;
};

/// The arguments of the commands of that script, as they are measured.
inline std::vector<std::string> commands_of(const std::string& script) {
    return GrubScriptRun{script}.commands();
}

} // namespace sealmount::test
