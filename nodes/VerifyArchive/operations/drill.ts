import { drill as drillStorage, type VerificationReport } from '../../../engine';
import { decryptionKeys } from '../../shared/encryption';
import { collectionOf, numberOf } from '../../shared/fields';
import { folderOf, prefixOf } from '../../shared/folder';
import { showWarnings } from '../../shared/hints';
import { splitList } from '../../shared/lists';
import { whileVisible } from '../../shared/runControl';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { drillFields } from '../descriptions/drill';
import { drillOutcome } from '../drillItem';
import { kindsOf } from '../filters';
import type { JudgingOperation } from '../../shared/outcome';
import { recordResult } from '../record';
import { scratchSettings, unaskedWarnings, withScratch } from '../scratch';
import { recordsIn } from '../verifySettings';

/** Restores the newest complete set of backups for a test, and measures: one item with the report. */
export const drill: JudgingOperation = {
	description: drillFields,
	journal: { action: 'drill' },
	async execute(context, item) {
		const { logger } = context;
		const options = collectionOf(context, 'options', item, 'Options');
		const records = recordsIn(options);
		const isSimple = isSimplified(context, item);
		const kinds = kindsOf(splitList(context.getNodeParameter('kinds', item), 'Kinds'));
		const maxAge = numberOf(context.getNodeParameter('maxAge', item), 'Max Age (Hours)', { min: 0, max: 1_000_000 });
		const settings = scratchSettings(context, item);
		const keys = await decryptionKeys(context, item);
		const storage = await openStorage(context, item);
		const signal = context.getExecutionCancelSignal();
		let recorded = 0;
		return await withScratch(context, item, settings, options, async (scratch) => {
			const about = { action: 'verify', kind: '', name: 'restore drill' } as const;
			const report = await whileVisible(
				context,
				item,
				storage,
				about,
				async (visible) =>
					await drillStorage({
						storage: visible,
						prefixes: [prefixOf(folderOf(options, ''))],
						scratch: (manifest) => scratch.targetsFor(manifest),
						...(keys && { keys }),
						...(kinds.length > 0 && { kinds }),
						...(maxAge > 0 && { maxAgeHours: maxAge }),
						onVerified: async (one: VerificationReport) => {
							logger.info(`Verify Archive: ${one.key}: ${one.verdict}`, { seconds: one.duration / 1000 });
							if (records && (await recordResult(context, storage, one))) recorded++;
						},
						...(signal && { signal }),
						log: (line) => logger.debug(`Verify Archive: ${line}`),
					}),
			);
			const outcome = drillOutcome(report, recorded, isSimple);
			// It goes to Passed, and must not be taken for a whole one.
			const inPart = report.verdict === 'passedInPart' ? [outcome.told] : [];
			showWarnings(context, [...inPart, ...unaskedWarnings(scratch)]);
			logger.info(`Verify Archive: ${outcome.told}`);
			return [outcome];
		});
	},
};
