"""The server: sections 8 to 13. `receive` takes a client's message, `close` ends a phase; both give (client, message) pairs."""

import cohort
import masking
import shamir
import wire
from client import advertised_keys, check_certificate, check_signature, confirm_message
from primitives import kdf, lhash, proper_x25519, uint32, verify, words16, x25519, x25519_public
from rules import Abort, Refusal, keeps, must

PHASES = ['advertise', 'share', 'input', 'confirm', 'unmask', 'done']
MESSAGES = {'advertise': ['advertise'], 'share': ['share'], 'input': ['input', 'inputEnd'], 'confirm': ['confirm'], 'unmask': ['unmask']}


class Server:
    """One session. Clients are known by any hashable name. `end` says how it ended, when it has."""

    def __init__(self, context_bytes, private_key, assumptions, min_degree, min_clients, min_survivors, time, parameters=None):
        self.context = wire.decode_context(context_bytes)
        self.context_hash = lhash('session', context_bytes)
        self.tag = self.context_hash[:16]
        self.private_key, self.assumptions, self.min_degree = private_key, assumptions, min_degree
        self.min_clients, self.min_survivors, self.time = min_clients, min_survivors, time
        # k and t are chosen from assumptions, unless they are given.
        self.parameters = parameters
        self.phase, self.end = 'advertise', None
        self.advertised, self.taken, self.left = {}, set(), set()
        self.shared, self.uploads, self.inputs, self.confirmed, self.revealed = {}, {}, {}, {}, {}
        self.cheaters = set()

    def receive(self, client, message):
        """Takes a client's message, or raises Refusal; the session goes on either way."""
        name, fields = wire.decode(message, self.tag, len(self.context['release_at']))
        if name == 'abort':
            self.leave(client)
            return
        if name not in MESSAGES.get(self.phase, []) and keeps('order-2'):
            raise Refusal('order.unexpected', f'{name} in {self.phase}')
        getattr(self, 'take_' + name)(client, fields)

    def leave(self, client):
        self.left.add(client)
        if self.phase == 'advertise':
            self.advertised.pop(client, None)
        self.uploads.pop(client, None)

    def close(self):
        """Ends the phase; at an Abort everybody is told."""
        try:
            messages = getattr(self, 'close_' + self.phase)()
        except Abort as abort:
            self.phase, self.end = 'aborted', dict(kind='aborted', code=abort.code)
            told = self.roster if hasattr(self, 'roster') else self.advertised
            return [(client, wire.encode_abort(self.tag, abort.code)) for client in told if client not in self.left]
        self.phase = PHASES[PHASES.index(self.phase) + 1]
        return messages

    @property
    def missing(self):
        """Whether somebody is still waited for in this phase."""
        waited = {'share': getattr(self, 'roster', []), 'input': self.shared, 'confirm': self.inputs, 'unmask': self.confirmed}
        answered = {'share': self.shared, 'input': self.inputs, 'confirm': self.confirmed, 'unmask': self.revealed}
        if self.phase not in waited:
            return self.phase == 'advertise'
        return any(client not in answered[self.phase] and client not in self.left for client in waited[self.phase])

    def expect(self, client, waited, answered):
        if client not in waited or client in self.left:
            raise Refusal('order.stranger')
        if client in answered:
            raise Refusal('order.repeated')

    # Phase 1: advertise

    def take_advertise(self, client, advertisement):
        if client in self.advertised and keeps('adv-6'):
            raise Refusal('order.repeated')
        must('adv-6', len(self.advertised) < self.context['max_clients'], 'advertise.full')
        must('adv-3', all(proper_x25519(advertisement[key]) for key in ('channel_key', 'mask_key')), 'advertise.key')
        check_certificate(advertisement, self.context['authority'], self.time)
        check_signature(advertisement, self.context_hash)
        keys = advertised_keys(advertisement)
        others = {key for other in self.advertised.values() for key in advertised_keys(other)} | self.taken
        must('adv-5', len(set(keys)) == 3 and not others & set(keys), 'advertise.duplicate')
        self.taken |= set(keys[1:])
        self.left.discard(client)
        self.advertised[client] = advertisement

    def close_advertise(self):
        n = len(self.advertised)
        if n < self.min_clients:
            raise Abort('advertise.few')
        chosen = self.choose(n)
        if chosen is None:
            raise Abort('advertise.parameters')
        self.n, (self.degree, self.threshold) = n, chosen
        self.roster = sorted(self.advertised, key=lambda client: self.advertised[client]['certificate']['identity_key'])
        self.index = {client: i for i, client in enumerate(self.roster)}
        self.entries = [self.advertised[client] for client in self.roster]
        identities = [entry['certificate']['identity_key'] for entry in self.entries]
        leaves = [cohort.leaf(wire.advertisement_bytes(entry)) for entry in self.entries]
        root = cohort.roster_root(cohort.tree(leaves), identities)
        self.frozen = cohort.frozen_hash(self.context_hash, root, n, self.degree, self.threshold)
        self.neighbors = cohort.neighbor_lists(root, n, self.degree)
        messages = []
        for i, client in enumerate(self.roster):
            shown = sorted([i, *self.neighbors[i]])
            messages.append((client, wire.encode_roster(self.tag, dict(
                n=n, degree=self.degree, threshold=self.threshold, root=root, identities=identities,
                entries=[dict(index=j, advertisement=self.entries[j]) for j in shown], proof=cohort.prove(leaves, shown)))))
        return messages

    def choose(self, n):
        if self.parameters is not None:
            return self.parameters['degree'], self.parameters['threshold']
        return cohort.choose(n, self.assumptions, self.min_degree)

    # Phase 2: share

    def take_share(self, client, share):
        self.expect(client, self.index, self.shared)
        must('share-3', len(share['sealed']) == self.degree, 'share.count')
        self.shared[client] = share

    def sharers_around(self, index):
        return [v for v in self.neighbors[index] if self.roster[v] in self.shared]

    def close_share(self):
        if len(self.shared) < self.min_survivors and keeps('share-4'):
            raise Abort('share.few')
        if keeps('share-4') and any(len(self.sharers_around(self.index[client])) < self.threshold for client in self.shared):
            raise Abort('share.few')
        messages = []
        for client in self.in_roster(self.shared):
            u = self.index[client]
            deliveries = [(v, self.shared[self.roster[v]]['sealed'][self.neighbors[v].index(u)]) for v in self.sharers_around(u)]
            messages.append((client, wire.encode_delivery(self.tag, deliveries)))
        return messages

    def in_roster(self, clients):
        return [client for client in self.roster if client in clients]

    # Phase 3: input

    def take_input(self, client, chunk):
        if keeps('input-5'):
            self.expect(client, self.shared, self.inputs)
        upload = self.uploads.get(client, b'')
        must('input-3', chunk['offset'] == len(upload), 'input.order')
        must('input-3', chunk['data'] and len(upload) + len(chunk['data']) <= masking.packed_length(self.context), 'input.length')
        self.uploads[client] = upload + chunk['data']

    def take_inputEnd(self, client, tag):
        self.expect(client, self.shared, self.inputs)
        packed = self.uploads.get(client, b'')
        must('input-4', len(packed) == masking.packed_length(self.context), 'input.length')
        self.uploads.pop(client, None)
        # Without [input-2] the code need not be the sender's.
        senders = [self.index[client]] if keeps('input-2') else range(self.n)
        must('input-4', any(self.code_of(u, packed) == tag for u in senders), 'input.mac')
        vector, clean = masking.unpack(self.context, packed)
        must('input-4', clean, 'input.padding')
        self.inputs[client] = vector

    def code_of(self, u, packed):
        return masking.input_mac(self.frozen, self.private_key, self.entries[u]['channel_key'], u, self.sharers_around(u), packed)

    def owners(self):
        """Clients that shared and either survived or have a neighbor that did."""
        return [u for u in map(self.index.get, self.in_roster(self.shared))
                if self.roster[u] in self.inputs or any(self.roster[v] in self.inputs for v in self.neighbors[u])]

    def require_holders(self, rule, holders, code):
        for owner in self.owners():
            if keeps(rule) and sum(self.roster[v] in holders for v in self.neighbors[owner]) < self.threshold:
                raise Abort(code)

    def close_input(self):
        if len(self.inputs) < self.min_survivors and keeps('input-6'):
            raise Abort('input.few')
        self.require_holders('input-6', self.inputs, 'input.few')
        self.bitmap = masking.bitmap(self.n, [self.index[client] for client in self.inputs])
        return [(client, wire.encode_survivors(self.tag, self.bitmap)) for client in self.in_roster(self.inputs) if client not in self.left]

    # Phase 4: confirm

    def take_confirm(self, client, signature):
        self.expect(client, self.inputs, self.confirmed)
        identity = self.entries[self.index[client]]['certificate']['identity_key']
        must('confirm-6', verify(identity, confirm_message(self.frozen, self.bitmap), signature), 'confirm.signature')
        self.confirmed[client] = signature

    def close_confirm(self):
        self.require_holders('confirm-7', self.confirmed, 'confirm.few')
        messages = []
        for client in self.in_roster(self.confirmed):
            signed = [(v, self.confirmed[self.roster[v]]) for v in self.neighbors[self.index[client]] if self.roster[v] in self.confirmed]
            if client not in self.left:
                messages.append((client, wire.encode_confirmations(self.tag, signed)))
        return messages

    # Phase 5: unmask

    @property
    def released(self):
        return [i for i, least in enumerate(self.context['release_at']) if len(self.inputs) >= least]

    def take_unmask(self, client, reveals):
        self.expect(client, self.confirmed, self.revealed)
        must('unmask-5', [reveal['owner'] for reveal in reveals] == self.sharers_around(self.index[client]), 'unmask.owners')
        for reveal in reveals:
            kind = 1 if self.roster[reveal['owner']] in self.inputs else 2
            must('unmask-5', reveal['kind'] in (0, kind), 'unmask.kind')
            length = {0: 0, 1: 32 * (1 + len(self.released)), 2: 32}[reveal['kind']]
            must('unmask-5', len(reveal['shares']) == length, 'unmask.length')
        self.revealed[client] = {reveal['owner']: reveal['shares'] for reveal in reveals if reveal['kind']}

    def close_unmask(self):
        self.require_holders('unmask-6', self.revealed, 'unmask.few')
        self.seeds = {owner: self.recover(owner) for owner in self.owners()}
        self.sum = self.unmask()
        self.end = dict(kind='done')
        survivors = len(self.inputs)
        return [(client, wire.encode_outcome(self.tag, client in self.inputs, survivors)) for client in self.roster if client not in self.left]

    def recover(self, owner):
        """The owner's seeds: the mask seed of a dropout, otherwise the self-mask seed and the released application seeds."""
        shares = {}
        for position, v in enumerate(self.neighbors[owner]):
            share = self.revealed.get(self.roster[v], {}).get(owner)
            if share is not None:
                shares[position + 1] = words16(share)
        if len(shares) < self.threshold:
            raise Abort('unmask.few')
        result = shamir.reconstruct(shares, self.threshold, keeps('unmask-7'))
        if result is None:
            raise Abort('unmask.undecodable')
        secret, wrong = result
        self.cheaters |= {self.roster[self.neighbors[owner][holder - 1]] for holder in wrong}
        data = b''.join(symbol.to_bytes(2, 'little') for symbol in secret)
        seeds = [data[i : i + 32] for i in range(0, len(data), 32)]
        if keeps('unmask-8') and not self.fits(owner, seeds):
            raise Abort('unmask.undecodable')
        return seeds

    def fits(self, owner, seeds):
        client = self.roster[owner]
        if client not in self.inputs:
            return x25519_public(self.mask_private(seeds[0])) == self.entries[owner]['mask_key']
        positions = [0, *(1 + i for i in self.released)]
        commitments = self.shared[client]['commitments']
        return all(lhash('seed commitment', self.frozen, uint32(owner), uint32(j), seed) == commitments[j]
                   for j, seed in zip(positions, seeds))

    def mask_private(self, seed):
        return kdf(seed, self.context_hash, 'mask key', 32)

    def unmask(self):
        context = self.context
        total = [0] * context['vector_length']
        for vector in self.inputs.values():
            total = masking.add(context, total, vector)
        for owner, seeds in self.seeds.items():
            if self.roster[owner] in self.inputs:
                total = masking.add(context, total, masking.self_mask(context, self.frozen, owner, seeds[0]), -1)
                continue
            for v in self.neighbors[owner]:
                if self.roster[v] in self.inputs:
                    secret = x25519(self.mask_private(seeds[0]), self.entries[v]['mask_key'])
                    mask = masking.pairwise_mask(context, self.frozen, owner, v, secret)
                    total = masking.add(context, total, mask, 1 if owner < v else -1)
        return total
