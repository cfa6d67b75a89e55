// Compiled once for all tests here (-Db_pch=false goes without). Files include what they use nevertheless.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>
