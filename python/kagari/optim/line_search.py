"""A line search along a direction that satisfies the strong Wolfe conditions."""


def cubic_minimum(x1, f1, g1, x2, f2, g2, bounds=None):
    """The minimum within ``bounds`` (default: x1, x2) of the cubic with these values and slopes at x1 and x2.

    Where the cubic has none, the middle of the bounds. Nocedal and Wright, Numerical Optimization, equation 3.59.
    """
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 ** 2 - g1 * g2
    if square < 0:
        return (low + high) / 2.0
    d2 = square ** 0.5
    if x1 <= x2:
        minimum = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        minimum = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(minimum, low), high)


def strong_wolfe(evaluate, x, t, d, f, g, slope, c1=1e-4, c2=0.9, tolerance_change=1e-9, max_steps=25):
    """Finds a step length along ``d`` from ``x`` that satisfies the strong Wolfe conditions.

    Arguments:
        evaluate: ``(x, t, d) -> (loss, flat gradient)`` at ``x + t d``.
        t: the first step length to try. f, g, slope: loss, gradient and directional derivative at ``x``.
        c1, c2: constants of sufficient decrease and of curvature.
        tolerance_change: the search ends when its interval is smaller. max_steps: bound on its iterations.
    Returns the loss, the gradient, the step length and the number of evaluations.
    """
    largest = d.abs().max()
    g = g.clone()
    f_new, g_new = evaluate(x, t, d)
    evaluations = 1
    slope_new = g_new.dot(d)

    # First enlarge the step until an interval contains a point that satisfies the conditions.
    t_prev, f_prev, g_prev, slope_prev = 0, f, g, slope
    done = False
    steps = 0
    while steps < max_steps:
        if f_new > f + c1 * t * slope or (steps > 1 and f_new >= f_prev):
            ends = [t_prev, t], [f_prev, f_new], [g_prev, g_new.clone()], [slope_prev, slope_new]
            break
        if abs(slope_new) <= -c2 * slope:
            ends = [t], [f_new], [g_new], [slope_new]
            done = True
            break
        if slope_new >= 0:
            ends = [t_prev, t], [f_prev, f_new], [g_prev, g_new.clone()], [slope_prev, slope_new]
            break
        shortest = t + 0.01 * (t - t_prev)
        longest = t * 10
        previous = t
        t = cubic_minimum(t_prev, f_prev, slope_prev, t, f_new, slope_new, bounds=(shortest, longest))
        t_prev, f_prev, g_prev, slope_prev = previous, f_new, g_new.clone(), slope_new
        f_new, g_new = evaluate(x, t, d)
        evaluations += 1
        slope_new = g_new.dot(d)
        steps += 1
    else:
        ends = [0, t], [f, f_new], [g, g_new], [slope, slope_new]

    # Then shrink the interval.
    at, value, gradient, slopes = ends
    low, high = (0, 1) if value[0] <= value[-1] else (1, 0)
    insufficient = False
    while not done and steps < max_steps:
        if abs(at[1] - at[0]) * largest < tolerance_change:
            break
        t = cubic_minimum(at[0], value[0], slopes[0], at[1], value[1], slopes[1])
        # A minimum close to an end makes little progress; the second time in a row it is moved inwards.
        margin = 0.1 * (max(at) - min(at))
        if min(max(at) - t, t - min(at)) < margin:
            if insufficient or t >= max(at) or t <= min(at):
                t = max(at) - margin if abs(t - max(at)) < abs(t - min(at)) else min(at) + margin
                insufficient = False
            else:
                insufficient = True
        else:
            insufficient = False

        f_new, g_new = evaluate(x, t, d)
        evaluations += 1
        slope_new = g_new.dot(d)
        steps += 1
        if f_new > f + c1 * t * slope or f_new >= value[low]:
            at[high], value[high], gradient[high], slopes[high] = t, f_new, g_new.clone(), slope_new
            low, high = (0, 1) if value[0] <= value[1] else (1, 0)
            continue
        if abs(slope_new) <= -c2 * slope:
            done = True
        elif slope_new * (at[high] - at[low]) >= 0:
            at[high], value[high], gradient[high], slopes[high] = at[low], value[low], gradient[low], slopes[low]
        at[low], value[low], gradient[low], slopes[low] = t, f_new, g_new.clone(), slope_new

    if len(at) == 1:
        low = 0
    return value[low], gradient[low], at[low], evaluations
