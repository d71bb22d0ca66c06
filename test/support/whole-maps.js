/**
 * Has `tsx` put each file's source into its source map, without which the coverage report takes a file for one line, and calls it covered.
 * It does so where `NODE_V8_COVERAGE` is set; that variable is for the thread of its hooks alone, as Node would measure each process twice.
 */
import { register } from 'node:module'

register('data:text/javascript,export const initialize = () => { process.env.NODE_V8_COVERAGE = "yes" }')
