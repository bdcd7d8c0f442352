# One slice of a head phantom after Shepp and Logan (modified contrast) in ellipsoids:
# awk -v slice=0 -v slices=5 -f phantom.awk > pixels
# 256 x 256 pixels of 16 bits, little endian; pixel value = Hounsfield units + 1024.
function ellipsoid(units, x, y, z, a, b, c, degrees) {
    n++
    value[n] = units; x0[n] = x; y0[n] = y; z0[n] = z; rx[n] = a; ry[n] = b; rz[n] = c
    cosine[n] = cos(degrees * 3.14159265 / 180); sine[n] = sin(degrees * 3.14159265 / 180)
}
BEGIN {
    ellipsoid(2000, 0, 0, 0, .69, .92, .9, 0)           # skull, above air at -1000
    ellipsoid(-960, 0, -.0184, 0, .6624, .874, .88, 0)  # brain
    ellipsoid(-35, -.22, 0, -.1, .41, .16, .4, 108)     # ventricles
    ellipsoid(-35, .22, 0, -.1, .31, .11, .4, 72)
    ellipsoid(30, 0, .35, -.2, .21, .25, .5, 90)
    ellipsoid(30, 0, .1, -.15, .046, .046, .3, 0)
    ellipsoid(20, -.08, -.605, -.1, .046, .023, .4, 0)
    ellipsoid(20, .06, -.605, -.1, .046, .023, .4, 90)
    ellipsoid(25, .06, -.105, .1, .056, .04, .3, 90)
    ellipsoid(25, 0, .1, .4, .056, .056, .4, 0)
    z = (slice - (slices - 1) / 2) * .15
    for (row = 0; row < 256; row++) {
        y = (127.5 - row) / 128
        for (column = 0; column < 256; column++) {
            x = (column - 127.5) / 128
            pixel = 24
            if (x * x + y * y < .87)
                for (i = 1; i <= n; i++) {
                    u = x - x0[i]; v = y - y0[i]; w = (z - z0[i]) / rz[i]
                    p = (u * cosine[i] + v * sine[i]) / rx[i]
                    q = (v * cosine[i] - u * sine[i]) / ry[i]
                    if (p * p + q * q + w * w <= 1)
                        pixel += value[i]
                }
            printf "%c%c", pixel % 256, int(pixel / 256)
        }
    }
}
