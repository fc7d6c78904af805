import { expect, it } from 'vitest';

import type { PruneReport, WalReport } from '../../../../engine';
import { refusalError } from '../../../../nodes/PruneRetention/reportItems';

const summary = { subject: 'Retention', text: 'text', html: 'html' };
const archive = (refusal: string | null): WalReport => ({
	folder: 'postgres/wal/',
	kept: 9,
	keptBytes: 9,
	deleted: 0,
	freedBytes: 0,
	deletedUpTo: null,
	reason: 'all of the last 7 days',
	refusal,
	error: null,
});
const report = (more: Partial<PruneReport>) => ({ refusal: null, totals: {}, wal: [], ...more }) as PruneReport;

it('fails where WAL is refused although the backups are not: it would grow for ever, and nobody would see', () => {
	expect(refusalError(report({ wal: [archive(null)] }), summary)).toBeUndefined();
	const error = refusalError(report({ wal: [archive(null), archive('8 of 9 segments would be deleted.')] }), summary);
	expect(error).toMatchObject({
		code: 'NOT_CONFIRMED',
		message: 'No WAL was deleted in postgres/wal/: 8 of 9 segments would be deleted.',
		details: { refusal: 'wal', text: 'text' },
	});
});
