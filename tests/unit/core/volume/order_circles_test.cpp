// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/order_circles.hpp"

#include "core/volume/manifest.hpp"

#include <gmock/gmock.h>

#include <ctime>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Volume volume(const std::string& name) {
    Volume made;
    made.name = name;
    made.lower = "/srv/." + name;
    made.mountpoint = "/srv/" + name;
    made.signature = "7f475b5d20a645dc";
    made.key_bytes = 32;
    return made;
}

std::string circle_in(const std::vector<Volume>& volumes) {
    const auto circles = find_order_circles(volumes);
    return circles.empty() ? "" : describe(circles.front());
}

TEST(OrderCirclesTest, OrdersThatCanBeKeptAreNone) {
    Volume a = volume("a");
    Volume b = volume("b");
    a.needs = {"srv-b.mount", "network-online.target"};
    a.before = {"smbd.service"};
    b.required_by = {"smbd.service"};
    b.nofail = false;
    EXPECT_EQ(circle_in({a, b}), "");
    EXPECT_EQ(circle_in({}), "");
}

TEST(OrderCirclesTest, VolumesThatRequireEachOther) {
    Volume a = volume("a");
    Volume b = volume("b");
    a.needs = {"srv-b.mount"};
    b.needs = {"srv-a.mount"};
    const auto circles = find_order_circles({a, b});
    ASSERT_EQ(circles.size(), 1U);
    const OrderCircle* const circle = &circles.front();
    EXPECT_EQ(circle->volume, 1U);
    EXPECT_EQ(circle->member, "requires");
    EXPECT_THAT(circle->units, ElementsAre("srv-b.mount", "srv-a.mount", "srv-b.mount"));
    EXPECT_EQ(describe(*circle), "srv-b.mount waits for srv-a.mount, that for srv-b.mount");
}

TEST(OrderCirclesTest, OneThatRequiresItself) {
    Volume a = volume("a");
    a.needs = {"srv-a.mount"};
    EXPECT_EQ(circle_in({a}), "srv-a.mount waits for srv-a.mount");
}

TEST(OrderCirclesTest, ThroughAServiceThatOneWaitsForAndTheOtherComesBefore) {
    Volume a = volume("a");
    Volume b = volume("b");
    Volume c = volume("c");
    a.required_by = {"database.service"};
    b.needs = {"database.service"};
    b.before = {"backup.service"};
    c.before = {"srv-a.mount"};
    c.needs = {"backup.service"};
    const auto circles = find_order_circles({a, b, c});
    ASSERT_EQ(circles.size(), 1U);
    const OrderCircle* const circle = &circles.front();
    EXPECT_EQ(circle->volume, 2U);
    EXPECT_THAT(circle->units, ElementsAre("srv-a.mount", "srv-c.mount", "backup.service", "srv-b.mount",
                                           "database.service", "srv-a.mount"));
}

TEST(OrderCirclesTest, ThroughAMountPointInAnotherVolume) {
    Volume outer = volume("outer");
    Volume inner = volume("inner");
    inner.mountpoint = "/srv/outer/in/inner";
    outer.needs = {"srv-outer-in-inner.mount"};
    EXPECT_EQ(circle_in({outer, inner}),
              "srv-outer.mount waits for srv-outer-in-inner.mount, that for srv-outer.mount");
}

TEST(OrderCirclesTest, ThroughTheTargetsOfTheBoot) {
    Volume a = volume("a");
    a.needs = {"multi-user.target"};
    EXPECT_EQ(circle_in({a}), "") << "with nofail it may come late";
    a.nofail = false;
    EXPECT_THAT(circle_in({a}), HasSubstr("local-fs.target, that for srv-a.mount"));
    a.noauto = true;
    EXPECT_EQ(circle_in({a}), "") << "no boot waits for it";
    a.before = {"local-fs-pre.target"};
    EXPECT_EQ(circle_in({a}), "local-fs-pre.target waits for srv-a.mount, that for local-fs-pre.target");
}

TEST(OrderCirclesTest, AHomeIsBeforeLogins) {
    Volume alice = volume("alice");
    alice.mountpoint = "/home/alice";
    alice.needs = {"multi-user.target"};
    EXPECT_THAT(circle_in({alice}), HasSubstr("systemd-user-sessions.service, that for home-alice.mount"));
}

TEST(OrderCirclesTest, AnAutomountIsBeforeItsMount) {
    Volume a = volume("a");
    a.automount = true;
    a.before = {"srv-a.automount"};
    EXPECT_EQ(circle_in({a}), "srv-a.automount waits for srv-a.mount, that for srv-a.automount");
}

TEST(OrderCirclesTest, EachCircleCostsTheVolumeThatClosesIt) {
    std::string text;
    for (const Volume& one : {volume("a"), volume("b"), volume("c"), volume("d")}) {
        text = manifest_with(text, one);
    }
    const auto requires_unit = [&](const std::string& name, const std::string& unit) {
        const std::string place = "\"name\": \"" + name + "\",";
        text.insert(text.find(place) + place.size(), "\"requires\": [\"" + unit + "\"],");
    };
    requires_unit("a", "srv-b.mount");
    requires_unit("b", "srv-a.mount");
    requires_unit("d", "srv-d.mount");
    const Manifest manifest = read_manifest(text);
    std::vector<std::string> names;
    for (const Volume& one : manifest.volumes) {
        names.push_back(one.name);
    }
    EXPECT_THAT(names, ElementsAre("a", "c"));
    ASSERT_EQ(manifest.problems.size(), 2U);
    EXPECT_STREQ(manifest.problems[0].what(),
                 "volumes[3].requires: the order is a circle: srv-d.mount waits for srv-d.mount: take one of "
                 "these units out");
    EXPECT_THAT(manifest.problems[1].what(), HasSubstr("volumes[1].requires: the order is a circle"));
    EXPECT_THROW(static_cast<void>(manifest_with(text, volume("e"))), Error);
}

/// The places of those that circles cost, in their order.
std::vector<std::size_t> taken_out_of(const std::vector<Volume>& volumes) {
    std::vector<std::size_t> places;
    for (const OrderCircle& circle : find_order_circles(volumes)) {
        places.push_back(circle.volume);
    }
    return places;
}

TEST(OrderCirclesTest, WhatIsLeftOutClosesNoOtherCircle) {
    Volume a = volume("a");
    Volume b = volume("b");
    Volume c = volume("c");
    a.needs = {"srv-b.mount"};
    b.needs = {"srv-c.mount"};
    c.needs = {"srv-a.mount", "srv-b.mount"};
    EXPECT_THAT(taken_out_of({a, b, c}), ElementsAre(2)) << "of a, b and c, and of b and c";
    EXPECT_THAT(taken_out_of({c, a, b}), ElementsAre(2)) << "of all of them";
    EXPECT_THAT(taken_out_of({a, c, b}), ElementsAre(2));
    c.needs = {"srv-c.mount"};
    b.before = {"srv-b.mount"};
    EXPECT_THAT(taken_out_of({a, b, c}), ElementsAre(2, 1)) << "the last one first";
}

TEST(OrderCirclesTest, AVolumeInOneThatIsLeftOutDoesNotWaitForIt) {
    Volume outer = volume("outer");
    outer.needs = {"srv-outer.mount"};
    Volume inner = volume("inner");
    inner.mountpoint = "/srv/outer/inner";
    Volume first = volume("first");
    first.before = {"srv-outer.mount"};
    first.needs = {"srv-outer-inner.mount"};
    EXPECT_THAT(taken_out_of({first, inner, outer}), ElementsAre(2));
    outer.needs.clear();
    EXPECT_THAT(taken_out_of({first, inner, outer}), ElementsAre(0));
}

TEST(OrderCirclesTest, AsManyAsVolumesTakeNoLonger) {
    constexpr std::size_t number = 10000;
    std::vector<Volume> volumes;
    for (std::size_t i = 0; i < number; ++i) {
        volumes.push_back(volume(std::to_string(i)));
        volumes.back().nofail = false;
        volumes.back().needs = {"multi-user.target"};
    }
    const std::clock_t begin = std::clock();
    EXPECT_EQ(find_order_circles(volumes).size(), number);
    EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 20) << "48 where each made the graph again";
}

TEST(OrderCirclesTest, AVolumeThatWouldCloseOneIsNotPutIn) {
    Volume outer = volume("outer");
    outer.needs = {"srv-outer-inner.mount"};
    const std::string text = manifest_with("", outer);
    Volume inner = volume("inner");
    inner.mountpoint = "/srv/outer/inner";
    try {
        static_cast<void>(manifest_with(text, inner));
        FAIL() << "it was put in";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("volumes[0].requires: the order is a circle"));
    }
}

} // namespace

} // namespace sealmount::testing
