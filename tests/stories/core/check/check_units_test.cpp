// What a check finds of this machine's kernel and systemd, as they would answer.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check.hpp"
#include "core/check/status.hpp"
#include "core/volume/unit_text.hpp"
#include "core/volume/volume_units.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>

namespace sealmount::testing {

namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* generated = "/run/systemd/generator.late/";
constexpr const char* packaged = "/usr/lib/systemd/system/";
constexpr const char* program = "/usr/lib/sealmount/sealmount-unlock";
constexpr const char* full_program = "/usr/lib/sealmount/sealmount-unlock-full";
constexpr const char* generator = "/usr/lib/systemd/system-generators/sealmount-generator";

/// A machine that systemd runs, with one volume, and everything as it should be.
class CheckUnitsTest : public FakeMachine {
  protected:
    void SetUp() override {
        enroll("vault", vault_passphrase);
        volume = store.volume("vault");
        names = units_of(volume);
        put(generated + names.mount, mount_unit(volume, {}));
        put(program, "program");
        put(generator, "program");
        put(full_program, "program");
        fs::permissions(path(program), fs::perms::owner_all);
        fs::permissions(path(full_program), fs::perms::owner_all);
        fs::permissions(path(generator), fs::perms::owner_all);
        units[names.mount] = {
            .name = names.mount,
            .load_state = "loaded",
            .active_state = "inactive",
            .result = "success",
            .fragment_path = generated + names.mount,
            .source_path = "/etc/sealmount/manifest.json",
            .pulled_in_by = {"local-fs.target"},
            .pulls_in = names.services,
            .starts_after = names.services,
            .mount = {{"What", volume.lower}, {"Where", volume.mountpoint}, {"Type", "ecryptfs"}}};
        for (const std::string& name : names.services) {
            const std::string file = packaged + name.substr(0, name.find('@') + 1) + ".service";
            put(file, "[Service]\n");
            units[name] = {.name = name,
                           .load_state = "loaded",
                           .active_state = "inactive",
                           .result = "success",
                           .fragment_path = file,
                           .pulled_in_by = {names.mount},
                           .commands = {{.program = program, .arguments = {}, .is_start = true},
                                        {.program = program, .arguments = {}}}};
        }
    }

    [[nodiscard]] fs::path path(const std::string& file) const { return store.paths().below_root(file); }
    void put(const std::string& file, const std::string& text) const {
        fs::create_directories(path(file).parent_path());
        std::ofstream{path(file)} << text;
    }
    void mask(const std::string& file) const {
        fs::create_directories(path(file).parent_path());
        fs::create_symlink("/dev/null", path(file));
    }
    UnitState& mount() { return units.at(names.mount); }
    UnitState& service() { return units.at(names.services.front()); }

    [[nodiscard]] MachineFacts facts() {
        return {.ecryptfs = [this] { return has_ecryptfs; },
                .crypto =
                    [this](std::string_view, const std::string_view name) {
                        const auto found = crypto.find(std::string{name});
                        return found == crypto.end() ? Presence::present : found->second;
                    },
                .modules = [this] { return modules; },
                .kernel = [this] { return release; },
                .service_manager =
                    [this](const std::vector<std::string>& asked) {
                        if (!systemd_fails.empty()) {
                            throw Error{Reason::unavailable, systemd_fails};
                        }
                        ServiceManagerReport report{.units = {}, .unit_path = unit_path};
                        for (const std::string& name : asked) {
                            const auto found = units.find(name);
                            report.units.push_back(found != units.end()
                                                       ? found->second
                                                       : UnitState{.name = name, .load_state = "not-found"});
                        }
                        return report;
                    },
                .conditions =
                    [this](const std::vector<UnitCondition>& conditions) {
                        judged = conditions;
                        return conditions_hold_now;
                    },
                .mounts = [this] { return "22 1 8:1 / " + more_mounts + " rw - ext4 /dev/sda1 rw\n"; }};
    }

    std::vector<Finding> findings() {
        std::vector<Finding> all = check(
            {.machine = machine, .store = store, .is_this_machine = true, .facts = facts()}, std::nullopt);
        std::erase_if(all, [](const Finding& finding) {
            return finding.severity == Severity::good || finding.item == "recovery-key" ||
                   finding.item == "guard";
        });
        return all;
    }

    /// Just one thing is found.
    void expect(const std::string& item, const Severity severity, const std::string& words,
                const AdviceKind fix) {
        const std::vector<Finding> found = findings();
        std::string items;
        for (const Finding& finding : found) {
            items += finding.item + ": " + finding.text + "\n";
        }
        ASSERT_EQ(found.size(), 1U) << items;
        EXPECT_EQ(found.front().item, item);
        EXPECT_EQ(found.front().severity, severity);
        EXPECT_THAT(found.front().text, HasSubstr(words));
        EXPECT_EQ(found.front().fix.kind, fix);
    }

    Volume volume;
    VolumeUnits names;
    std::map<std::string, UnitState> units;
    std::vector<std::string> unit_path = {"/etc/systemd/system", "/run/systemd/system",
                                          "/run/systemd/generator", "/usr/lib/systemd/system",
                                          "/run/systemd/generator.late"};
    std::string systemd_fails;
    bool conditions_hold_now = true;
    std::vector<UnitCondition> judged;
    Presence has_ecryptfs = Presence::present;
    std::map<std::string, Presence> crypto;
    ModuleState modules;
    std::string release = "6.1.0-test";
    std::string more_mounts = "/";
};

TEST_F(CheckUnitsTest, AnOrderThatIsACircleIsFoundThroughOtherUnits) {
    volume.needs = {"database.service"};
    store.write_manifest(manifest_with(manifest_without(store.manifest_text(), "vault"), volume));
    put(generated + names.mount, mount_unit(volume, {}));
    mount().starts_after.emplace_back("database.service");
    units["database.service"] = {
        .name = "database.service", .load_state = "loaded", .starts_after = {"a.target", "b.target"}};
    units["a.target"] = {.name = "a.target", .load_state = "loaded", .starts_after = {"b.target"}};
    units["b.target"] = {.name = "b.target", .load_state = "loaded"};
    EXPECT_THAT(findings(), IsEmpty());
    units["b.target"].starts_after = {names.mount};
    expect("order", Severity::unknown,
           "srv-vault.mount after database.service after b.target after srv-vault.mount",
           AdviceKind::look_at_unit);
}

TEST_F(CheckUnitsTest, StatusSaysWhatTheUnitsDo) {
    const MachineFacts answers = facts();
    const auto remarks = [&] {
        return status_of(store, machine, std::nullopt, &answers).volumes.front().remarks;
    };
    EXPECT_THAT(remarks(), IsEmpty());
    units.at(load_unit_name(volume)).active_state = "activating";
    mount().job = "start (waiting)";
    EXPECT_THAT(remarks(),
                ElementsAre("waiting: systemd has a job for srv-vault.mount, start (waiting)",
                            "being unlocked: sealmount-load@vault.service is running, and may be asking"));
    units.at(load_unit_name(volume)).active_state = "failed";
    units.at(load_unit_name(volume)).result = "exit-code";
    mount().job = "";
    EXPECT_THAT(remarks(),
                ElementsAre("sealmount-load@vault.service failed when it was started last (exit-code)"));
    units.at(load_unit_name(volume)).active_state = "inactive";
    mount().load_state = "masked";
    EXPECT_THAT(remarks(), ElementsAre("srv-vault.mount is masked"));
    systemd_fails = "systemd does not answer";
    EXPECT_THAT(remarks(), ElementsAre("systemd does not answer"));
}

TEST_F(CheckUnitsTest, StatusSaysWhatWouldRefuseAStart) {
    const MachineFacts answers = facts();
    EXPECT_TRUE(status_of(store, machine, std::nullopt, &answers).is_well());
    fs::rename(path(volume.lower), path("/srv/.elsewhere"));
    const Status now = status_of(store, machine, std::nullopt, &answers);
    EXPECT_FALSE(now.is_well());
    ASSERT_EQ(now.volumes.front().problems.size(), 1U);
    EXPECT_THAT(now.volumes.front().problems.front().message,
                HasSubstr("a start would be refused: the lower directory is not what it was"));
    EXPECT_EQ(now.volumes.front().problems.front().advice.kind, AdviceKind::restore_ground);
    EXPECT_TRUE(status_of(store, machine, std::nullopt).is_well()) << "of another root nothing is known";
}

TEST_F(CheckUnitsTest, AWholeMachineIsGood) {
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(CheckUnitsTest, AMaskedMountDoesNotStart) {
    mask("/etc/systemd/system/" + names.mount);
    mount().load_state = "masked";
    mount().fragment_path = "/etc/systemd/system/" + names.mount;
    expect("masked", Severity::bad, "is masked", AdviceKind::unmask_unit);
}

TEST_F(CheckUnitsTest, AMaskForThisBootOnlyIsBadToo) {
    mask("/run/systemd/system/" + names.mount);
    mount().load_state = "masked";
    mount().fragment_path = "/run/systemd/system/" + names.mount;
    expect("masked", Severity::bad, "/run/systemd/system/", AdviceKind::unmask_until_boot);
}

TEST_F(CheckUnitsTest, AMaskedServiceDoesNotStart) {
    service().load_state = "masked";
    service().fragment_path = "/etc/systemd/system/" + service().name;
    mask(service().fragment_path);
    expect("masked", Severity::bad, service().name, AdviceKind::unmask_unit);
}

TEST_F(CheckUnitsTest, AMaskThatSystemdHasNotReadYetIsFoundForTheNextBoot) {
    mask("/etc/systemd/system/" + names.mount);
    expect("masked", Severity::bad, "at the next boot", AdviceKind::unmask_unit);
}

TEST_F(CheckUnitsTest, AnOverrideThatSystemdHasNotReadYetIsUnknown) {
    put("/etc/systemd/system/" + names.mount, "[Mount]\n");
    expect("reload", Severity::unknown, "at the next boot", AdviceKind::reload_units);
}

TEST_F(CheckUnitsTest, ADropInThatSystemdHasNotReadYetIsUnknown) {
    for (const std::string& directory : {names.mount, std::string{"srv-.mount"}, std::string{"mount"},
                                         std::string{"sealmount-unlock@.service"}}) {
        const std::string file = "/etc/systemd/system/" + directory + ".d/10-mine.conf";
        put(file, "[Unit]\nConditionPathExists=/srv/flag\n");
        expect("reload", Severity::unknown, file, AdviceKind::reload_units);
        (directory.ends_with(".service") ? service() : mount()).drop_ins = {file};
        EXPECT_THAT(findings(), IsEmpty()) << "systemd has read it";
        fs::remove(path(file));
        (directory.ends_with(".service") ? service() : mount()).drop_ins.clear();
    }
    put("/etc/systemd/system/srv-other.mount.d/10-mine.conf", "[Unit]\n");
    put("/run/systemd/system/" + names.mount + ".d/10-mine.conf", "[Unit]\n");
    put("/etc/systemd/system/" + names.mount + ".d/notes", "text");
    mask("/etc/systemd/system/" + names.mount + ".d/20-mine.conf");
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(CheckUnitsTest, AnOverrideWithoutTheUnlockIsBad) {
    put("/etc/systemd/system/" + names.mount, "[Mount]\n");
    mount().fragment_path = "/etc/systemd/system/" + names.mount;
    mount().source_path = "";
    mount().pulls_in = {};
    expect("override", Severity::bad, "does not start " + names.services.front(),
           AdviceKind::remove_override);
}

TEST_F(CheckUnitsTest, AnOverrideThatDoesTheSameIsAWarning) {
    put("/etc/systemd/system/" + names.mount, "[Mount]\n");
    mount().fragment_path = "/etc/systemd/system/" + names.mount;
    mount().source_path = "";
    expect("override", Severity::warning, "it starts the volume all the same", AdviceKind::remove_override);
}

TEST_F(CheckUnitsTest, AnOverrideOfAnotherPlaceIsBad) {
    put("/etc/systemd/system/" + names.mount, "[Mount]\n");
    mount().fragment_path = "/etc/systemd/system/" + names.mount;
    mount().source_path = "";
    mount().mount["What"] = "/srv/elsewhere";
    expect("override", Severity::bad, "its What is \"/srv/elsewhere\"", AdviceKind::remove_override);
}

TEST_F(CheckUnitsTest, AnOverrideOfTheUnlockThatRunsSomethingElseIsBad) {
    service().fragment_path = "/etc/systemd/system/sealmount-unlock@.service";
    put(service().fragment_path, "[Service]\n");
    put("/bin/true", "program");
    fs::permissions(path("/bin/true"), fs::perms::owner_all);
    service().commands.front().program = "/bin/true";
    expect("override", Severity::bad, "does not run the unlock", AdviceKind::remove_override);
    service().fragment_path = packaged + std::string{"sealmount-unlock@.service"};
    fs::remove(path("/etc/systemd/system/sealmount-unlock@.service"));
    service().drop_ins = {"/etc/systemd/system/sealmount-unlock@.service.d/mine.conf"};
    expect("override", Severity::bad, "mine.conf, and does not run the unlock", AdviceKind::remove_override);
}

TEST_F(CheckUnitsTest, AServiceThatOnlyEndsSomethingIsComplete) {
    service().commands.erase(service().commands.begin());
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(CheckUnitsTest, ADropInThatMountsSomethingElseIsBad) {
    mount().drop_ins = {"/etc/systemd/system/srv-vault.mount.d/mine.conf"};
    EXPECT_THAT(findings(), IsEmpty());
    mount().mount["What"] = "/srv/elsewhere";
    expect("override", Severity::bad, "is changed by /etc", AdviceKind::remove_override);
}

TEST_F(CheckUnitsTest, UnitsOlderThanTheManifestAreBad) {
    put(generated + names.mount, "[Mount]\nWhat=/else\n");
    mount().needs_reload = true;
    expect("units", Severity::bad, "is not as the manifest says", AdviceKind::reload_units);
}

TEST_F(CheckUnitsTest, FilesThatChangedSinceAreUnknown) {
    service().needs_reload = true;
    expect("reload", Severity::unknown, service().name, AdviceKind::reload_units);
}

TEST_F(CheckUnitsTest, AMissingUnitIsBad) {
    units.erase(names.mount);
    fs::remove(path(generated + names.mount));
    expect("units", Severity::bad, "systemd has no " + names.mount + " of ours", AdviceKind::reload_units);
}

TEST_F(CheckUnitsTest, AUnitThatCannotBeLoadedIsBad) {
    service().load_state = "bad-setting";
    service().load_error = "nonsense";
    expect("units", Severity::bad, "nonsense", AdviceKind::look_at_unit);
}

TEST_F(CheckUnitsTest, ACopyInTheNormalDirectoryIsOursAsWell) {
    fs::remove(path(generated + names.mount));
    mount().fragment_path = "/run/systemd/generator/" + names.mount;
    put(mount().fragment_path, mount_unit(volume, {.with_helper = true}));
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(CheckUnitsTest, NothingThatStartsItIsBadUnlessItIsNotAutomatic) {
    mount().pulled_in_by = {};
    expect("not-wanted", Severity::bad, "nothing starts", AdviceKind::have_target_start);
    mount().pulled_in_by = {"backup.service"};
    expect("not-wanted", Severity::bad, "only together with backup.service", AdviceKind::have_target_start);
    mount().pulled_in_by = {"srv-vault.automount"};
    EXPECT_THAT(findings(), IsEmpty());
    volume.noauto = true;
    store.write_manifest(manifest_with(manifest_without(store.manifest_text(), "vault"), volume));
    put(generated + names.mount, mount_unit(volume, {}));
    mount().pulled_in_by = {};
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(CheckUnitsTest, AMissingProgramIsBad) {
    fs::permissions(path(program), fs::perms::owner_read);
    expect("program", Severity::bad, program, AdviceKind::install_again);
    fs::remove(path(program));
    expect("program", Severity::bad, program, AdviceKind::install_again);
}

TEST_F(CheckUnitsTest, AndSoIsOneThatTheUnlockBecomes) {
    fs::remove(path(full_program));
    expect("program", Severity::bad, full_program, AdviceKind::install_again);
}

TEST_F(CheckUnitsTest, AConditionThatDoesNotHoldIsBad) {
    mount().conditions = {{.type = "ConditionPathExists", .parameter = "/srv/flag"}};
    mount().drop_ins = {"/etc/systemd/system/srv-vault.mount.d/flag.conf"};
    EXPECT_THAT(findings(), IsEmpty());
    conditions_hold_now = false;
    expect("condition", Severity::bad, "ConditionPathExists=/srv/flag (see /etc/systemd",
           AdviceKind::look_at_condition);
    EXPECT_EQ(judged, mount().conditions);
    conditions_hold_now = true;
    mount().was_checked = true;
    mount().conditions_held = false;
    expect("condition", Severity::unknown, "holds now, but did not", AdviceKind::look_at_condition);
}

TEST_F(CheckUnitsTest, ConditionsOnOurOwnNotesAreNoObstacle) {
    service().conditions = {
        {.type = "ConditionPathExists", .is_negated = true, .parameter = "/run/sealmount/x"}};
    service().was_checked = true;
    service().conditions_held = false;
    conditions_hold_now = false;
    EXPECT_THAT(findings(), IsEmpty());
    EXPECT_THAT(judged, IsEmpty());
}

TEST_F(CheckUnitsTest, WhatFailedBeforeIsSaid) {
    service().active_state = "failed";
    service().result = "exit-code";
    expect("failed", Severity::warning, "(exit-code)", AdviceKind::start_again);
    service().active_state = "inactive";
    mount().active_state = "failed";
    mount().result = "exit-code";
    expect("failed", Severity::unknown, names.mount, AdviceKind::start_again);
    mount().result = "start-limit-hit";
    expect("failed", Severity::bad, "too often", AdviceKind::reset_failed_unit);
}

TEST_F(CheckUnitsTest, AWaitingJobIsUnknown) {
    service().job = "start (running)";
    expect("job", Severity::unknown, "start (running)", AdviceKind::list_jobs);
}

TEST_F(CheckUnitsTest, WithoutSystemdNothingIsKnown) {
    systemd_fails = "systemd cannot be asked: No such file or directory";
    expect("units", Severity::unknown, "cannot be asked", AdviceKind::run_where_systemd_runs);
    EXPECT_EQ(outcome_of(findings()), Outcome::unknown);
}

TEST_F(CheckUnitsTest, AnotherRootIsNotThisMachine) {
    systemd_fails = "must not be asked";
    const auto found =
        check({.machine = machine, .store = store, .is_this_machine = false, .facts = facts()}, std::nullopt);
    EXPECT_EQ(outcome_of(found), Outcome::all_open);
}

TEST_F(CheckUnitsTest, TheGeneratorHasToRun) {
    fs::permissions(path(generator), fs::perms::owner_read);
    expect("generator", Severity::bad, "cannot be executed", AdviceKind::install_again);
    fs::remove(path(generator));
    expect("generator", Severity::bad, "is not installed", AdviceKind::install_again);
    mask("/etc/systemd/system-generators/sealmount-generator");
    expect("generator", Severity::bad, "is masked", AdviceKind::remove_override);
}

TEST_F(CheckUnitsTest, TheCommandLineCanSwitchUnitsOff) {
    put("/proc/cmdline", "quiet sealmount=no root=/dev/sda1\n");
    expect("switched-off", Severity::bad, "switches the volumes' units off", AdviceKind::change_command_line);
    put("/proc/cmdline", "quiet sealmount=no sealmount=yes\n");
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(CheckUnitsTest, AConfigurationThatComesTooLateIsBad) {
    const std::string place = (root / "etc/sealmount").string();
    more_mounts = place;
    const std::string unit = mount_unit_name(place);
    units["sysinit.target"] = {.name = "sysinit.target", .load_state = "loaded", .active_since = 1000};
    units[unit] = {.name = unit, .load_state = "loaded", .fragment_path = "/run/systemd/generator/x.mount"};
    expect("configuration", Severity::bad, "in a mount of its own", AdviceKind::mount_configuration_early);
    units[unit].fragment_path = "";
    units[unit].active_since = 2000;
    expect("configuration", Severity::unknown, "in a mount of its own",
           AdviceKind::mount_configuration_early);
    units[unit].active_since = 500; // before everything that this system starts
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(CheckUnitsTest, ACipherThatTheKernelLacksIsBad) {
    crypto["ecb(aes)"] = Presence::absent;
    expect("crypto", Severity::bad, "ecb(aes)", AdviceKind::boot_with_cipher);
    modules.loading_is_disabled = true;
    expect("crypto", Severity::bad, "loads no modules any more", AdviceKind::load_before_disabling);
    modules = {.has_files = false};
    expect("crypto", Severity::bad, "the modules of 6.1.0-test are not on the disk",
           AdviceKind::start_installed_kernel);
}

TEST_F(CheckUnitsTest, AKernelThatDoesNotSayIsUnknown) {
    crypto["cbc(aes)"] = Presence::unknown;
    expect("crypto", Severity::unknown, "cbc(aes)", AdviceKind::load_af_alg);
}

TEST_F(CheckUnitsTest, ModulesThatCannotBeLoadedMatterOnlyIfOneIsMissing) {
    modules = {.loading_is_disabled = true, .has_files = false};
    EXPECT_THAT(findings(), IsEmpty());
    has_ecryptfs = Presence::absent;
    expect("ecryptfs", Severity::bad, "no eCryptfs", AdviceKind::load_before_disabling);
}

TEST_F(CheckUnitsTest, FipsModeForbidsMd5) {
    modules.is_fips = true;
    crypto["md5"] = Presence::absent;
    expect("fips", Severity::bad, "FIPS", AdviceKind::leave_fips_mode);
    crypto.clear();
    EXPECT_THAT(findings(), IsEmpty()) << "a kernel that has MD5 all the same mounts";
    release = "6.19.1";
    expect("fips", Severity::bad, "FIPS", AdviceKind::leave_fips_mode);
    modules.is_fips = false;
    crypto["md5"] = Presence::absent;
    EXPECT_THAT(findings(), IsEmpty()) << "it has one of its own";
    release = "6.18.44";
    expect("crypto", Severity::bad, "md5", AdviceKind::boot_with_cipher);
}

} // namespace

} // namespace sealmount::testing
