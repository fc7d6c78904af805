import type { IExecuteFunctions } from 'n8n-workflow';

import { ANOMALY_MEASURES, type AnomalyOptions } from '../../engine';
import { collectionOf, numberIn, selectedIn } from '../shared/fields';

import { oneOf } from '../shared/choice';

/** The options of Check Trend as the engine wants them. @throws BackupError INVALID_INPUT */
export function trendSettings(context: IExecuteFunctions, item: number): AnomalyOptions {
	const options = collectionOf(context, 'options', item, 'Options');
	const measures = selectedIn(options, 'measures', 'Measures').map((one) => oneOf(one, ANOMALY_MEASURES, 'Measures'));
	return {
		window: numberIn(options, 'window', 30, 'Trend Length', { min: 2, max: 10_000 }),
		minSamples: numberIn(options, 'minSamples', 5, 'Min Backups', { min: 2, max: 1000 }),
		deviations: numberIn(options, 'deviations', 5, 'Deviations', { min: 1, max: 1000 }),
		minShare: numberIn(options, 'minShare', 30, 'Min Difference (%)', { min: 0, max: 1000 }) / 100,
		...(measures.length > 0 && { measures }),
	};
}
