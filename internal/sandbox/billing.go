package sandbox

import (
	"fmt"
	"strconv"
	"time"
)

func init() {
	handle("GET /report/billing", getBilling, paid)
	handle("GET /report/billing/invoices", getInvoices, paid)
}

// billingPeriods is how many months the account has been billed for.
const billingPeriods = 6

type billingReport struct {
	ID          string `json:"id"`
	Type        int    `json:"type"`
	StartDate   string `json:"start_date"`
	EndDate     string `json:"end_date"`
	TaxAmount   string `json:"tax_amount"`
	TotalAmount string `json:"total_amount"`
}

type invoice struct {
	InvoiceNumber     string `json:"invoice_number"`
	InvoiceChargeName string `json:"invoice_charge_name"`
	StartDate         string `json:"start_date"`
	EndDate           string `json:"end_date"`
	Quantity          int    `json:"quantity"`
	TaxAmount         string `json:"tax_amount"`
	TotalAmount       string `json:"total_amount"`
}

// The prices of an invoice, in cents.
const (
	licencePrice = 1500
	audioPrice   = 400
	taxPercent   = 10
)

func getBilling(c *call) (any, error) {
	reports := []*billingReport{}
	for k := range billingPeriods {
		r := &billingReport{ID: c.world.billingID(k)}
		r.StartDate, r.EndDate = c.world.period(k)
		total := 0
		for _, price := range []int{licencePrice, audioPrice} {
			total += price * c.world.opt.Users
		}
		r.TaxAmount, r.TotalAmount = amount(total*taxPercent/100), amount(total+total*taxPercent/100)
		reports = append(reports, r)
	}
	return map[string]any{"currency": "USD", "billing_reports": reports}, nil
}

func (w *world) billingID(k int) string { return sealID(w.seed, sealOther, 1<<40|uint64(k)) }

// period returns the days of the k-th month before this one.
func (w *world) period(k int) (from, to string) {
	first := time.Date(w.start.Year(), w.start.Month()-time.Month(k+1), 1, 0, 0, 0, 0, time.UTC)
	return first.Format(time.DateOnly), first.AddDate(0, 1, -1).Format(time.DateOnly)
}

func amount(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

func getInvoices(c *call) (any, error) {
	id := c.query.Get("billing_id")
	if id == "" {
		return nil, badRequest(300, `Invalid parameter "billing_id".`)
	}
	v, ok := openID(c.world.seed, sealOther, id)
	if k := int(v &^ (1 << 40)); !ok || v>>40 != 1 || k >= billingPeriods {
		return nil, notFound(5010, "Report does not exist.")
	}
	invoices := []*invoice{}
	for n, charge := range []struct {
		name  string
		price int
	}{{"Meetings, monthly", licencePrice}, {"Audio Conferencing Options", audioPrice}} {
		i := &invoice{InvoiceNumber: strconv.Itoa(n + 1), InvoiceChargeName: charge.name, Quantity: c.world.opt.Users}
		i.StartDate, i.EndDate = c.world.period(int(v &^ (1 << 40)))
		total := charge.price * c.world.opt.Users
		i.TaxAmount, i.TotalAmount = amount(total*taxPercent/100), amount(total+total*taxPercent/100)
		invoices = append(invoices, i)
	}
	return map[string]any{"currency": "USD", "invoices": invoices}, nil
}
