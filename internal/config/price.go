package config

import (
	"fmt"
	"strconv"
	"strings"

	"zoomql/internal/zoom"
)

// readMaxPrice parses how many calls of each label an operation may cost.
func (c *Config) readMaxPrice() (errs []error) {
	if c.MaxPriceText == "" {
		return nil
	}
	c.MaxPrice = map[zoom.Rate]int{}
	for part := range strings.SplitSeq(c.MaxPriceText, ",") {
		name, text, _ := strings.Cut(strings.TrimSpace(part), "=")
		label, known := labelOf(name)
		n, err := strconv.Atoi(text)
		switch {
		case !known:
			errs = append(errs, fmt.Errorf("MAX_PRICE: %q is not one of light, medium, heavy, resource_intensive", name))
		case err != nil || n < 0:
			errs = append(errs, fmt.Errorf("MAX_PRICE: %s has no number of calls, as in heavy=20,medium=200", name))
		default:
			if _, twice := c.MaxPrice[label]; twice {
				errs = append(errs, fmt.Errorf("MAX_PRICE: %s occurs twice", name))
			}
			c.MaxPrice[label] = n
		}
	}
	return errs
}

func labelOf(name string) (zoom.Rate, bool) {
	for _, r := range zoom.Rates {
		if strings.EqualFold(r.String(), name) {
			return r, true
		}
	}
	return 0, false
}
