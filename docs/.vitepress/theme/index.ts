import theme from 'vitepress/theme';
import './covature.css';

export default theme;
