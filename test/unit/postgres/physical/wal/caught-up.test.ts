import { expect, it } from 'vitest';

import { CaughtUp } from '../../../../../engine/postgres/physical/wal/caughtUp';

const keepalive = (serverLsn: bigint, serverTime: number) => ({
	serverLsn,
	serverTime,
	wal: undefined,
	wantsReply: false,
});
const bytes = (serverLsn: bigint, serverTime: number) => ({
	...keepalive(serverLsn, serverTime),
	wal: { startLsn: 0n, bytes: Buffer.alloc(1) },
});

it('is certain of a moment when the next keepalive tells the same place, and of none that is not stored', () => {
	const caughtUp = new CaughtUp();
	expect(caughtUp.heard(keepalive(10n, 1), 10n)).toBeUndefined();
	expect(caughtUp.heard(keepalive(10n, 2), 10n)).toEqual({ lsn: 10n, time: 1 });
	expect(caughtUp.heard(keepalive(10n, 3), 10n)).toEqual({ lsn: 10n, time: 2 });
	// What was written before the keepalive of 3 may have come only now.
	expect(caughtUp.heard(bytes(20n, 4), 10n)).toBeUndefined();
	expect(caughtUp.heard(keepalive(20n, 5), 10n)).toBeUndefined();
	expect(caughtUp.heard(keepalive(20n, 6), 20n)).toBeUndefined();
	expect(caughtUp.heard(keepalive(20n, 7), 20n)).toEqual({ lsn: 20n, time: 6 });
	expect(caughtUp.heard(keepalive(30n, 8), 20n)).toBeUndefined();
	expect(caughtUp.heard(keepalive(30n, 9), 30n)).toBeUndefined();
});
