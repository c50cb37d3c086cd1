//! Area averaging: a pixel of the small image is the mean of the part of the large one it covers.
//! Whole numbers only, so every machine gets the same bytes. Colours are weighted by their alpha.

const std = @import("std");
const png = @import("png.zig");

const Pixel = png.Pixel;

/// Sums of red, green and blue times alpha, and of alpha, each times the area they cover.
const Sum = [4]u64;

/// The same for one row of the large image, where 32 bits are enough: 255 * 255 * side_max.
const Narrow = [4]u32;

comptime {
    std.debug.assert(255 * 255 * png.side_max <= std.math.maxInt(u32));
}

/// Takes the rows of the large image one by one and fills the small one.
pub const Shrinker = struct {
    source_width: usize,
    source_height: usize,
    width: usize,
    height: usize,
    pixels: []Pixel,
    /// The current row of the large image, already narrowed.
    narrow: []Narrow,
    /// The row of the small image that is being summed.
    sums: []Sum,
    row: usize = 0,
    source_row: usize = 0,

    pub fn init(
        allocator: std.mem.Allocator,
        source_width: usize,
        source_height: usize,
        width: usize,
        height: usize,
    ) !Shrinker {
        const sums = try allocator.alloc(Sum, width);
        @memset(sums, @splat(0));
        return .{
            .source_width = source_width,
            .source_height = source_height,
            .width = width,
            .height = height,
            .pixels = try allocator.alloc(Pixel, width * height),
            .narrow = try allocator.alloc(Narrow, width),
            .sums = sums,
        };
    }

    /// One row of the large image. It touches one row of the small image, or two.
    pub fn addRow(shrinker: *Shrinker, source: []const Pixel) void {
        shrinker.narrowRow(source);
        // In units of 1 / (height * source_height), where every edge is a whole number.
        const top = shrinker.source_row * shrinker.height;
        const bottom = top + shrinker.height;
        shrinker.source_row += 1;
        const edge = (shrinker.row + 1) * shrinker.source_height;
        shrinker.addNarrow(@min(bottom, edge) - top);
        if (bottom < edge) return;
        shrinker.finishRow();
        if (bottom > edge) shrinker.addNarrow(bottom - edge);
    }

    fn narrowRow(shrinker: *Shrinker, source: []const Pixel) void {
        var x: usize = 0;
        var edge = shrinker.source_width;
        var left: usize = 0;
        var sum: Narrow = @splat(0);
        for (source) |pixel| {
            const right = left + shrinker.width;
            if (right < edge) {
                add(&sum, pixel, right - left);
            } else {
                add(&sum, pixel, edge - left);
                shrinker.narrow[x] = sum;
                sum = @splat(0);
                add(&sum, pixel, right - edge);
                x += 1;
                edge += shrinker.source_width;
            }
            left = right;
        }
    }

    fn addNarrow(shrinker: *Shrinker, weight: usize) void {
        for (shrinker.sums, shrinker.narrow) |*sum, narrow| {
            inline for (0..4) |channel| sum[channel] += @as(u64, narrow[channel]) * weight;
        }
    }

    fn finishRow(shrinker: *Shrinker) void {
        const area: u64 = shrinker.source_width * shrinker.source_height;
        const row = shrinker.pixels[shrinker.row * shrinker.width ..][0..shrinker.width];
        for (row, shrinker.sums) |*pixel, *sum| {
            pixel.* = mean(sum.*, area);
            sum.* = @splat(0);
        }
        shrinker.row += 1;
    }
};

/// Cannot overflow, as shown above; the wrapping operators only spare the check for each pixel.
fn add(sum: *Narrow, pixel: Pixel, width: usize) void {
    const weight = @as(u32, pixel[3]) *% @as(u32, @intCast(width));
    sum[0] +%= pixel[0] *% weight;
    sum[1] +%= pixel[1] *% weight;
    sum[2] +%= pixel[2] *% weight;
    sum[3] +%= weight;
}

fn mean(sum: Sum, area: u64) Pixel {
    const alpha = sum[3];
    if (alpha == 0) return .{ 0, 0, 0, 0 };
    return .{
        @intCast((sum[0] + alpha / 2) / alpha),
        @intCast((sum[1] + alpha / 2) / alpha),
        @intCast((sum[2] + alpha / 2) / alpha),
        @intCast((alpha + area / 2) / area),
    };
}
