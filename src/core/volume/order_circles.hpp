// Orders that no start can keep: "requires", "before" and "required_by" of the manifest that lead in a
// circle. systemd finds one only when it starts the units, and then drops one of the jobs in it, whichever
// that is (systemd, src/core/transaction.c, transaction_verify_order_one()): at boot that may be
// local-fs.target.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

struct OrderCircle {
    std::size_t volume = 0;         ///< its place in the list: the last one that has a share in the circle
    std::string_view member;        ///< of that volume, which closes it: "requires", "before", "required_by"
    std::vector<std::string> units; ///< each starts after the next one; the last one is the first again
};

/// The circle that the last of these volumes closes, then the one that the last of the others closes, and so
/// on: without the volumes that they name, an order can be kept. Known of a volume is what its mount unit
/// says (core/volume/unit_text.hpp) and what systemd adds to it (systemd.mount(5), "Automatic Dependencies"),
/// of other units the targets of bootup(7). What their files say, only systemd knows.
[[nodiscard]] std::vector<OrderCircle> find_order_circles(const std::vector<Volume>& volumes);

/// "srv-a.mount waits for srv-b.mount, that for srv-a.mount".
[[nodiscard]] std::string describe(const OrderCircle& circle);

} // namespace sealmount
