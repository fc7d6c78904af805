/** `bad`: data could be lost today. `doubtful`: something needs a look. */
export type Tone = 'good' | 'doubtful' | 'bad';
