#include "store/tool.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define BAR 30
#define DRAW_EVERY_S 0.2
#define WIPE "\r\033[K"

double tool_clock_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress_start(struct progress *p, const char *what, double total)
{
    *p = (struct progress){.what = what,
                           .total = total,
                           .started_s = tool_clock_s(),
                           .visible = isatty(STDERR_FILENO) == 1};
}

/* "3:05" or "1:02:03" */
static void print_duration(double seconds)
{
    long s = (long)seconds;

    if (s >= 3600)
        (void)fprintf(stderr, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        (void)fprintf(stderr, "%ld:%02ld", s / 60, s % 60);
}

static void format_amount(const struct progress *p, double amount, char buffer[TOOL_SIZE_MAX])
{
    if (p->unit)
        (void)snprintf(buffer, TOOL_SIZE_MAX, "%.0f %s", amount, p->unit);
    else
        tool_size(amount, buffer);
}

void progress_draw(struct progress *p, double done)
{
    double now_s = tool_clock_s(), elapsed_s = now_s - p->started_s;
    double part = p->total > 0 && done < p->total ? done / p->total : 1;
    char size[TOOL_SIZE_MAX], rate[TOOL_SIZE_MAX];
    int full = (int)(part * BAR);

    p->done = done;
    if (!p->visible || now_s - p->drawn_s < DRAW_EVERY_S)
        return;
    p->drawn_s = now_s;
    format_amount(p, done, size);
    format_amount(p, elapsed_s > 0 ? done / elapsed_s : 0, rate);
    (void)fprintf(stderr, WIPE "%s [", p->what);
    for (int i = 0; i < BAR; i++)
        (void)fputc(i < full ? '#' : '.', stderr);
    (void)fprintf(stderr, "] %3.0f %%  %s  %s/s", part * 100, size, rate);
    if (part > 0 && elapsed_s > 1) {
        (void)fputs("  left ", stderr);
        print_duration(elapsed_s / part - elapsed_s);
    }
    (void)fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->visible)
        (void)fputs(WIPE, stderr);
}
