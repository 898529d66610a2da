// uPlot with its style, as a part of the page that is loaded when something is to be drawn.

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export default uPlot;
