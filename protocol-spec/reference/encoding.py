"""encoding.md: plans, quantization, decoding, rotation."""

import json
import math
import re
import struct
from decimal import Decimal

from primitives import chacha20, sha256
from rules import Refusal, keeps, must

# Section 1: the plan


def number_text(value):
    """As ECMAScript's Number::toString."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text, point = ''.join(map(str, digits)), len(digits) + exponent
    if len(text) <= point <= 21:
        text = text + '0' * (point - len(text))
    elif 0 < point <= 21:
        text = text[:point] + '.' + text[point:]
    elif -6 < point <= 0:
        text = '0.' + '0' * -point + text
    else:
        mantissa = text[0] + ('.' + text[1:] if len(text) > 1 else '')
        text = f'{mantissa}e{"+" if point > 0 else "-"}{abs(point - 1)}'
    return '-' + text if sign else text


def canonical(value):
    """RFC 8785 of ASCII data."""
    if isinstance(value, dict):
        return '{' + ','.join(f'{json.dumps(key)}:{canonical(value[key])}' for key in sorted(value)) + '}'
    if isinstance(value, list):
        return '[' + ','.join(map(canonical, value)) + ']'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number_text(value)
    return json.dumps(value)


def integer(low, high):
    return lambda value: is_number(value) and value == int(value) and low <= value <= high


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def magnitude(value):
    return is_number(value) and 2.0**-64 <= value <= 2.0**64


def between(low, high):
    return lambda value: is_number(value) and low <= value <= high


def below_one(value):
    return is_number(value) and 0 <= value < 1


def part(value):
    return is_number(value) and 0 < value <= 1


def flag(value):
    return isinstance(value, bool)


# Fields that could be assumed: one left out makes a plan another text of a lawful one.
ASSUMED = {'clip', 'combine', 'metrics', 'version', 'weight'}
LATER = {'masking': {'kind': 'pairwise'}, 'errorFeedback': {'kind': 'none'}, 'compress': {'kind': 'none'}, 'rotate': {'kind': 'none'},
         'privacy': {'kind': 'none'}, 'optimizer': {'kind': 'fedavg', 'learningRate': 1}, 'schedule': {'kind': 'rounds'}}


def fields(assumed=(), **checks):
    return lambda value: (isinstance(value, dict) and set(value) <= set(checks) and set(checks) - set(value) <= set(assumed)
                          and all(checks[name](field) for name, field in value.items()))


def of_kind(kind, assumed=(), **checks):
    return fields(assumed, kind=exactly(kind), **checks)


def exactly(expected):
    return lambda value: value == expected and not isinstance(value, bool)


def either(*checks):
    return lambda value: any(check(value) for check in checks)


def metric_name(value):
    return isinstance(value, str) and re.fullmatch('[a-z][a-z0-9_]{0,31}', value) is not None


def list_of(check, most):
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(check, value))


def aggregator(value):
    """A rule's settings are the server's: that it has a kind is all that is looked at."""
    return isinstance(value, dict) and isinstance(value.get('kind'), str)


COUNTER = integer(1, 2**32 - 1)
COUNT = integer(0, 2**20)
NONE = of_kind('none')
BUDGET = fields(delta=lambda value: is_number(value) and 0 < value < 1, epsilon=between(1e-6, 1e6), rounds=COUNTER)
NOISE = dict(budget=BUDGET, sampling=NONE, variance=between(2.0**-10, 2.0**60))
START = between(0, 2.0**64)
MOMENTS = dict(beta1=below_one, learningRate=magnitude, tau=magnitude, v0=START)
MOMENTS_ASSUMED = ('beta1', 'tau', 'v0')
FORGETTING = dict(MOMENTS, beta2=below_one, biasCorrection=lambda value: value in ('none', 'step', 'next-step'))
FORGETTING_ASSUMED = (*MOMENTS_ASSUMED, 'beta2', 'biasCorrection')
OPTIMIZER = either(
    of_kind('fedavg', ['learningRate'], learningRate=magnitude),
    of_kind('fedavgm', ['learningRate', 'momentum', 'nesterov'], learningRate=magnitude, momentum=below_one, nesterov=flag),
    of_kind('fedadam', FORGETTING_ASSUMED, **FORGETTING),
    of_kind('fedyogi', FORGETTING_ASSUMED, **FORGETTING),
    of_kind('fedadagrad', (*MOMENTS_ASSUMED, 'tauPlace'), **MOMENTS, tauPlace=lambda value: value in ('outside', 'inside')),
    of_kind('fednova', ['learningRate', 'normalizerScale'], learningRate=magnitude, normalizerScale=magnitude),
    of_kind('scaffold', ['learningRate', 'controlScale'], clients=integer(1, 2**32), controlScale=magnitude, learningRate=magnitude),
)
STALENESS = either(of_kind('constant'), of_kind('polynomial', ['exponent'], exponent=between(0, 16)),
                   of_kind('hinge', after=between(0, 2.0**32), slope=magnitude))
PLAN = fields(
    ASSUMED | set(LATER),
    clip=either(NONE, of_kind('l2', norm=magnitude)),
    cohort=fields(maxClients=integer(2, 2**20)),
    combine=either(of_kind('mean'), of_kind('robust', aggregator=aggregator, clients=integer(1, 2**20), over=exactly('clients')),
                   of_kind('robust', aggregator=aggregator, cohorts=integer(1, 1024), over=exactly('cohorts'))),
    metrics=list_of(fields(max=COUNTER, name=metric_name), 64),
    quantize=either(fields(['kind'], bits=integer(2, 32), kind=exactly('stochastic'), range=magnitude),
                    of_kind('conditional', beta=between(0, 0.999), granularity=between(2.0**-100, 2.0**64), ringBits=integer(4, 32))),
    vector=fields(dimension=integer(1, 2**27)),
    version=either(exactly(1), exactly(2)),
    weight=either(of_kind('uniform'), of_kind('examples', max=COUNTER)),
    masking=either(of_kind('pairwise'), NONE),
    errorFeedback=either(NONE, of_kind('residual', ['decay'], decay=below_one)),
    compress=either(NONE, of_kind('random-k', ['scaling'], fraction=part, scaling=lambda value: value in ('unbiased', 'keep')),
                    of_kind('count-sketch', columns=lambda value: value in [2**i for i in range(1, 25)],
                            rows=lambda value: value in range(1, 16, 2), top=integer(1, 2**28)),
                    of_kind('top-k', fraction=part)),
    rotate=either(NONE, of_kind('hadamard')),
    privacy=either(NONE, of_kind('central', ['sampling'], **NOISE),
                   of_kind('distributed', ['sampling'], **NOISE, colluders=COUNT, minSurvivors=integer(2, 2**20),
                           noise=lambda value: value in ('discreteGaussian', 'skellam'), releaseAt=list_of(integer(1, 2**20), 16))),
    optimizer=OPTIMIZER,
    schedule=either(of_kind('rounds'), of_kind('buffered', ['maxStaleness', 'staleness'], bufferSize=integer(2, 2**20),
                                               maxStaleness=integer(0, 1000), staleness=STALENESS)),
)


def parse_plan(data):
    must('plan-1', 1 <= len(data) <= 16384, 'plan.length')
    must('plan-1', all(0x20 <= byte <= 0x7E for byte in data), 'plan.encoding')
    try:
        plan = json.loads(data)
    except ValueError:
        raise Refusal('plan.json') from None
    must('plan-2', PLAN(plan), 'plan.schema')
    later = {name: plan.get(name, assumed) for name, assumed in LATER.items()}
    kinds = plan['quantize'].get('kind', 'stochastic'), plan.get('combine', {'kind': 'mean'})['kind']
    version = 1 if later == LATER and kinds == ('stochastic', 'mean') else 2
    must('plan-4', plan.get('version', version) == version, 'plan.schema')
    if not written_whole(plan, version):
        raise Refusal('plan.canonical')
    plan_whole = {**plan, **later}
    check_rules(plan_whole)
    must('plan-2', canonical(plan).encode('ascii') == data, 'plan.canonical')
    return plan_whole


def written_whole(plan, version):
    """Whether every field is there, those of version 2 too where it is that, and none of which the version has none."""
    later = set(LATER) - {'schedule'} if version == 2 else set()
    if plan.get('schedule') == LATER['schedule']:
        return False
    expected = ASSUMED | later | {'cohort', 'quantize', 'vector'}
    if set(plan) - ({'schedule'} if version == 2 else set()) != expected or 'kind' not in plan['quantize']:
        return False
    settings = {'fedavg': 1, 'fedavgm': 3, 'fedadam': 6, 'fedyogi': 6, 'fedadagrad': 5, 'fednova': 2, 'scaffold': 3}
    needed = dict(compress={'random-k': 2}, errorFeedback={'residual': 1}, optimizer=settings, privacy={'central': 3, 'distributed': 7})
    return all(name not in plan or len(plan[name]) - 1 == counts.get(plan[name]['kind'], len(plan[name]) - 1)
               for name, counts in needed.items())


def check_rules(plan):
    check_later_rules(plan)
    bits, clients = ring_bits(plan), plan['cohort']['maxClients']
    names = [metric['name'] for metric in plan['metrics']]
    must('plan-3', bits <= 32, 'plan.sum-wraps')
    must('plan-3', all(clients * metric['max'] < 2**bits for metric in plan['metrics']), 'plan.metric-wraps')
    must('plan-3', len(set(names)) == len(names), 'plan.metric-repeated')
    exempt = plan['quantize']['kind'] == 'conditional' or plan['compress']['kind'] == 'count-sketch'
    beyond = plan['clip']['kind'] == 'l2' and not exempt and plan['quantize']['range'] > plan['clip']['norm']
    must('plan-3', not beyond, 'plan.range-beyond-clip')


def check_later_rules(plan):
    optimizer = plan['optimizer']
    more = optimizer['kind'] in ('fednova', 'scaffold')
    for name, broken in {
        'top-k-masked': plan['compress']['kind'] == 'top-k' and plan['masking']['kind'] == 'pairwise',
        'vector-long': vector_length(plan) > 2**28,
        'optimizer-weighted': optimizer['kind'] == 'scaffold' and plan['weight']['kind'] != 'uniform',
        'optimizer-noise': more and plan['privacy']['kind'] != 'none',
        'optimizer-robust': more and plan['combine']['kind'] == 'robust',
        'optimizer-feedback': optimizer['kind'] == 'fednova' and plan['errorFeedback']['kind'] != 'none',
        'optimizer-scale': optimizer['kind'] == 'fednova' and optimizer['normalizerScale'] > plan['quantize'].get('range', math.inf),
        'optimizer-clients': optimizer['kind'] == 'scaffold' and optimizer['clients'] < plan['cohort']['maxClients'],
    }.items():
        must('plan-5', not broken, 'plan.' + name)


# Section 2: the vector


def max_weight(plan):
    return plan['weight'].get('max', 1)


def ring_bits(plan):
    if plan['quantize']['kind'] == 'conditional':
        return plan['quantize']['ringBits']
    return plan['quantize']['bits'] + (plan['cohort']['maxClients'] * max_weight(plan) - 1).bit_length()


def vector_length(plan):
    return padded(plan, compressed_length(plan)) + padded(plan, extra_length(plan)) + 1 + len(plan['metrics'])


def compressed_length(plan):
    compress, dimension = plan['compress'], plan['vector']['dimension']
    if compress['kind'] == 'random-k':
        return max(1, math.floor(compress['fraction'] * dimension + 0.5))
    return compress['rows'] * compress['columns'] if compress['kind'] == 'count-sketch' else dimension


def extra_length(plan):
    """Values beside an update."""
    return {'fednova': 1, 'scaffold': plan['vector']['dimension']}.get(plan['optimizer']['kind'], 0)


def padded(plan, length):
    return 1 << (length - 1).bit_length() if plan['rotate']['kind'] == 'hadamard' and length > 0 else length


def public_seed(plan_hash, model_hash, number):
    label = b'veilsum/2 public seed'
    return sha256(bytes([len(label)]) + label + plan_hash + model_hash + number.to_bytes(4, 'big'))


# Section 3: clip, quantize


def float32(value):
    return struct.unpack('<f', struct.pack('<f', value))[0]


def clip(plan, update):
    if plan['clip']['kind'] == 'none':
        return update
    bound, norm = plan['clip']['norm'], math.sqrt(sum(value * value for value in update))
    if norm <= bound or not keeps('enc-2'):
        return update
    return [float32(value * ((bound / norm) * (1 - 2.0**-23))) for value in update]


def quantize(bits, value_range, values, words, weight, modulus_bits):
    limit = 2 ** (bits - 1) - 1
    scale = limit / value_range
    elements = []
    for value, word in zip(values, words):
        x = max(-limit, min(limit, value * scale))
        low = math.floor(x)
        elements.append((low + (1 if word * 2.0**-32 < x - low else 0)) * weight % 2**modulus_bits)
    return elements


def with_share(plan, update, normalizer, control_update):
    """A clipped update, and what the optimizer takes beside it."""
    optimizer = plan['optimizer']
    if optimizer['kind'] == 'fednova':
        return [float32(value / normalizer) for value in update], [float32(normalizer * optimizer['normalizerScale'])]
    if optimizer['kind'] == 'scaffold':
        return update, [float32(optimizer['controlScale'] * value) for value in control_update]
    return update, []


def encode_update(plan, update, weight, metrics, words, seed=None, normalizer=None, control_update=None):
    """The ring vector that a client masks, where the plan doesn't compress or add noise."""
    parts = with_share(plan, clip(plan, update), normalizer, control_update)
    if plan['rotate']['kind'] == 'hadamard' and keeps('enc-6'):
        parts = [[float32(value) for value in rotate(seed, part)] if part else part for part in parts]
    bits, value_range = plan['quantize']['bits'], plan['quantize']['range']
    values = quantize(bits, value_range, [*parts[0], *parts[1]], words, weight, ring_bits(plan))
    return [*values, weight, *(metrics[metric['name']] for metric in plan['metrics'])]


# Section 4: decode


def decode_sum(plan, total, survivors):
    """The mean of the updates, the sum of weights and of metrics."""
    dimension, bits = plan['vector']['dimension'], ring_bits(plan)
    limit = 2 ** (plan['quantize']['bits'] - 1) - 1
    weight, metrics = total[dimension], total[dimension + 1 :]
    centered = [value - 2**bits if value >= 2 ** (bits - 1) else value for value in total[:dimension]]
    must('enc-4', weight == survivors if plan['weight']['kind'] == 'uniform' else weight <= survivors * max_weight(plan), 'sum.weight')
    must('enc-4', all(abs(value) <= limit * weight for value in centered), 'sum.range')
    must('enc-4', all(value <= survivors * metric['max'] for value, metric in zip(metrics, plan['metrics'])), 'sum.metric')
    if weight == 0:
        raise Refusal('sum.empty')
    step = plan['quantize']['range'] / limit
    return [value * step / weight for value in centered], weight, metrics


# Section 6: rotation


def rotate(seed, values):
    size = 1 << (len(values) - 1).bit_length()
    signs = chacha20(seed, b'veilsum rot.', (size + 7) // 8)
    padded = [*values, *[0.0] * (size - len(values))]
    data = [-value if signs[i // 8] >> (i % 8) & 1 else value for i, value in enumerate(padded)]
    h = 1
    while h < size:
        for block in range(0, size, 2 * h):
            for i in range(block, block + h):
                data[i], data[i + h] = data[i] + data[i + h], data[i] - data[i + h]
        h *= 2
    return [value * (1 / math.sqrt(size)) for value in data]
