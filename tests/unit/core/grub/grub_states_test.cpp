// The states of grubenv that a configuration makes a difference of.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/environment_block.hpp"
#include "core/grub/grub_states.hpp"
#include "unit/core/grub/grub_machine_fake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::environment_block;
using test::FakeGrubMachine;
using testing::ElementsAre;

namespace {

/// The header that grub-mkconfig writes, Debian's recordfail in it, and two kernels.
std::string debian_like() {
    return "if [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n"
           "if [ \"${next_entry}\" ] ; then\n   set default=\"${next_entry}\"\n   set next_entry=\n"
           "   save_env next_entry\n   set boot_once=true\nelse\n   set default=\"0\"\nfi\n"
           "function recordfail {\n  set recordfail=1\n"
           "  if [ -n \"${have_grubenv}\" ]; then if [ -z \"${boot_once}\" ]; then save_env recordfail; fi; "
           "fi\n}\n"
           "if [ \"${recordfail}\" = 1 ] ; then\n  set timeout=30\nelse\n  set timeout=5\nfi\n"
           "menuentry A {\n\trecordfail\n\tlinux /boot/a\n}\nmenuentry B {\n\trecordfail\n\tlinux "
           "/boot/b\n}\n";
}

FakeGrubMachine& prepare(FakeGrubMachine& machine, const std::string& script,
                         const std::string& environment) {
    machine.add("hd0,gpt2", "/boot/a", "a");
    machine.add("hd0,gpt2", "/boot/b", "b");
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg", script);
    machine.add("hd0,gpt2", "/boot/grub/grubenv", environment);
    return machine;
}

std::vector<std::string> environments_of(const std::vector<GrubState>& states) {
    std::vector<std::string> environments;
    for (const GrubState& state : states) {
        environments.push_back(state.environment);
    }
    return environments;
}

} // namespace

TEST(GrubStatesTest, EachStateThatMayFollowIsThereOnce) {
    FakeGrubMachine machine;
    prepare(machine, debian_like(), environment_block(""));
    const auto states = grub_states(test::plain_start(), machine);
    EXPECT_THAT(environments_of(states),
                ElementsAre(environment_block(""), environment_block("recordfail=1\n")));
    EXPECT_EQ(states[0].origin, "as it is now");
    EXPECT_EQ(states[1].origin, "as GRUB leaves it");
    EXPECT_THAT(test::texts_of(states[0].boot, 8), testing::Contains("grub_cmd: set timeout=5"));
    EXPECT_THAT(test::texts_of(states[1].boot, 8), testing::Contains("grub_cmd: set timeout=30"));
}

TEST(GrubStatesTest, AnEntryForTheNextBootOnlyLeadsBack) {
    FakeGrubMachine machine;
    prepare(machine, debian_like(), environment_block("next_entry=1\n"));
    const auto states = grub_states(test::plain_start(), machine);
    EXPECT_THAT(environments_of(states),
                ElementsAre(environment_block("next_entry=1\n"), environment_block("next_entry=\n"),
                            environment_block("next_entry=\nrecordfail=1\n")));
    EXPECT_EQ(states[0].boot.kernel.value().image.path, "/boot/b");
    EXPECT_EQ(states[1].boot.kernel.value().image.path, "/boot/a");
}

TEST(GrubStatesTest, EventsOfAStateHaveItsBlock) {
    FakeGrubMachine machine;
    prepare(machine, debian_like(), environment_block(""));
    const auto states = grub_states(test::plain_start(), machine);
    const std::string block = environment_block("recordfail=1\n");
    unsigned found = 0;
    for (const GrubEvent& event : states.at(1).boot.events) {
        if (event.rewritten) {
            EXPECT_EQ(*event.rewritten, block);
            ++found;
        }
    }
    EXPECT_EQ(found, 2U);
}

TEST(GrubStatesTest, ASuccessfulBootIsAStateOfItsOwn) {
    FakeGrubMachine machine;
    prepare(machine,
            "load_env\nset boot_success=0\nsave_env boot_success\nset timeout=0\nmenuentry A {\n\tlinux "
            "/boot/a\n}\n",
            environment_block("boot_success=1\n"));
    EXPECT_THAT(environments_of(grub_states(test::plain_start(), machine)),
                ElementsAre(environment_block("boot_success=1\n"), environment_block("boot_success=0\n")));
}

TEST(GrubStatesTest, ServicesMayComeTogetherOrAlone) {
    FakeGrubMachine machine;
    prepare(machine,
            "load_env\nset recordfail=1\nset initrdfail=1\nsave_env recordfail initrdfail\nset timeout=0\n"
            "menuentry A {\n\tlinux /boot/a\n}\n",
            environment_block(""));
    EXPECT_THAT(environments_of(grub_states(test::plain_start(), machine)),
                testing::UnorderedElementsAre(
                    environment_block(""), environment_block("recordfail=1\ninitrdfail=1\n"),
                    environment_block("recordfail=1\n"), environment_block("initrdfail=1\n"),
                    environment_block("initrdfail=1\nrecordfail=1\n")));
}

TEST(GrubStatesTest, WithoutABlockThereIsOneState) {
    FakeGrubMachine machine;
    prepare(machine, "set timeout=0\nmenuentry A {\n\tlinux /boot/a\n}\n", environment_block(""));
    EXPECT_EQ(grub_states(test::plain_start(), machine).size(), 1U);
}

TEST(GrubStatesTest, ACounterDoesNotGoOnForEver) {
    FakeGrubMachine machine;
    prepare(machine, "load_env\nx=\"x$x\"\nsave_env x\nset timeout=0\nmenuentry A {\n\tlinux /boot/a\n}\n",
            environment_block(""));
    EXPECT_EQ(grub_states(test::plain_start(), machine, 5).size(), 5U);
}

TEST(EnvironmentBlockTest, ValuesAreEscapedAndKeepTheSizeOfTheBlock) {
    std::string block = environment_block("a=1\nb=2\n");
    ASSERT_TRUE(set_in_block(block, "a", "x\\y\nz"));
    ASSERT_TRUE(set_in_block(block, "c", "3"));
    EXPECT_EQ(block.size(), 1024U);
    using Pair = std::pair<std::string, std::string>;
    EXPECT_THAT(variables_of_block(block), ElementsAre(Pair{"a", "x\\y\nz"}, Pair{"b", "2"}, Pair{"c", "3"}));
    unset_in_block(block, "b");
    EXPECT_EQ(block.size(), 1024U);
    EXPECT_THAT(variables_of_block(block), ElementsAre(Pair{"a", "x\\y\nz"}, Pair{"c", "3"}));
    EXPECT_FALSE(set_in_block(block, "d", std::string(1024, 'x')));
    EXPECT_THAT(variables_of_block(block).size(), 2U);
}

TEST(EnvironmentBlockTest, DamagedBlocksEndWhereTheDamageIs) {
    EXPECT_FALSE(is_environment_block("# GRUB Environment Block\n"));
    EXPECT_FALSE(is_environment_block(std::string(1024, '#')));
    EXPECT_TRUE(is_environment_block(environment_block("")));
    EXPECT_EQ(variables_of_block("# GRUB Environment Block\na=1\nb=2").size(), 1U);
    EXPECT_EQ(variables_of_block("# GRUB Environment Block\na=1\nb").size(), 1U);
    EXPECT_EQ(variables_of_block("# GRUB Environment Block\na=1\\").size(), 0U);
    std::string block = "# GRUB Environment Block\na=1";
    EXPECT_FALSE(set_in_block(block, "a", "2"));
}

} // namespace sealmount
